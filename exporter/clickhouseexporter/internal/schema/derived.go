// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"fmt"
	"strings"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// Derived are the names of the tables and the view that ClickHouse fills out of
// contrib's tables as rows are inserted into these. An empty name is one that
// is not wanted. Beside each table stands its materialized view, <name>_mv.
type Derived struct {
	// KernelEvents has the log records whose event is one of Fathom's, with
	// what is asked for most as columns.
	KernelEvents string
	// TimeLedger has the spans with a time ledger, a column for each cause.
	TimeLedger string
	// RED has the requests, errors and durations of each service and route by
	// the minute.
	RED string
	// ServiceMap is a view with parameters: who called whom, from and to a time.
	ServiceMap string
}

// CreateFromTraces is the statements that create what is derived from the table
// of spans.
func (s Schema) CreateFromTraces(traces string, derived Derived) ([]string, error) {
	var statements []statement
	add := func(table string, files ...string) {
		if table == "" {
			return
		}
		for _, file := range files {
			statements = append(statements, statement{file: file, table: table, source: traces, retention: s.Traces})
		}
	}
	add(derived.TimeLedger, "time_ledger.sql", "time_ledger_mv.sql")
	add(derived.RED, "red.sql", "red_mv.sql")
	add(derived.ServiceMap, "service_map.sql")
	return s.renderAll(statements...)
}

// CreateFromLogs is the statements that create what is derived from the table
// of log records, which must have its column EventName.
func (s Schema) CreateFromLogs(logs string, derived Derived) ([]string, error) {
	if derived.KernelEvents == "" {
		return nil, nil
	}
	return s.renderAll(
		statement{file: "kernel_events.sql", table: derived.KernelEvents, source: logs, retention: s.Logs},
		statement{file: "kernel_events_mv.sql", table: derived.KernelEvents, source: logs},
	)
}

// AggregatingEngine is the engine that merges rows of partial aggregates and
// replicates as the given one does: (Replicated|Shared)AggregatingMergeTree with
// the same parameters. Of other engines there is none.
func AggregatingEngine(engine string) (string, error) {
	name, parameters, _ := strings.Cut(engine, "(")
	for _, prefix := range []string{"", "Replicated", "Shared"} {
		if name == prefix+"MergeTree" {
			return prefix + "AggregatingMergeTree(" + parameters, nil
		}
	}
	return "", fmt.Errorf("no engine like %s merges aggregates; use MergeTree, ReplicatedMergeTree or SharedMergeTree", name)
}

// causeColumn is the column of one cause of the time ledger.
type causeColumn struct {
	// Column is its name, such as BlockedMutex.
	Column string
	// Attribute is the span's attribute that it holds.
	Attribute string
}

func causeColumns() []causeColumn {
	columns := make([]causeColumn, 0, ledger.NumCauses)
	for number := range ledger.NumCauses {
		cause := ledger.Cause(number)
		var name strings.Builder
		for word := range strings.FieldsFuncSeq(cause.String(), func(r rune) bool { return r == '.' || r == '_' }) {
			name.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
		columns = append(columns, causeColumn{Column: name.String(), Attribute: cause.Attribute()})
	}
	return columns
}
