// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/sqldriver"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/sqltext"
)

// addSQL makes the client span of a query, by the semantic conventions for
// databases.
func (b *Batch) addSQL(span ptrace.Span, q *record.SQL) {
	b.identify(span, ptrace.SpanKindClient, &q.Header)
	attributes := span.Attributes()
	system := sqldriver.System(q.Driver)
	attributes.PutStr(events.DBSystem, system)
	var statement sqltext.Statement
	b.text, statement = sqltext.Append(b.text[:0], q.Text, q.Cut, sqltext.DialectOf(system))
	if len(b.text) > 0 {
		attributes.PutStr(events.DBQueryText, string(b.text))
	}
	name := system
	if summary := summaryOf(statement); summary != "" {
		attributes.PutStr(events.DBQuerySummary, summary)
		name = summary
	}
	span.SetName(name)
	if q.Failed {
		putError(span, "_OTHER")
		span.Status().SetMessage("there was an error instead of a result")
	}
	putLedger(attributes, &q.Span)
}

// maxSummary is the longest that the semantic conventions want a db.query.summary,
// in bytes. Of a longer one no part of a name may be left out.
const maxSummary = 255

// summaryOf a statement is its operation, and its table where that is certain. ""
// where the operation is not.
func summaryOf(s sqltext.Statement) string {
	if s.Operation == "" || s.Collection == "" || len(s.Operation)+1+len(s.Collection) > maxSummary {
		return s.Operation
	}
	return s.Operation + " " + s.Collection
}
