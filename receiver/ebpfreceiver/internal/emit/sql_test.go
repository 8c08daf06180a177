// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

func TestQueries(t *testing.T) {
	for name, test := range map[string]struct {
		query      record.SQL
		spanName   string
		status     ptrace.StatusCode
		attributes map[string]any
	}{
		"done": {
			record.SQL{Driver: 1, Text: `SELECT a FROM "items" WHERE b = 'secret'`},
			"SELECT items", ptrace.StatusCodeUnset,
			map[string]any{"db.system.name": "postgresql", "db.query.summary": "SELECT items",
				"db.query.text": `SELECT a FROM "items" WHERE b = ?`},
		},
		"failed, and of a driver that is not known": {
			record.SQL{Text: `UPDATE items SET a = "secret"`, Failed: true},
			"UPDATE items", ptrace.StatusCodeError,
			map[string]any{"db.system.name": "other_sql", "db.query.summary": "UPDATE items",
				"db.query.text": `UPDATE items SET a = ?`, "error.type": "_OTHER"},
		},
		"cut": {
			record.SQL{Driver: 4, Text: `INSERT INTO items VALUES ('sec`, Cut: true},
			"INSERT", ptrace.StatusCodeUnset,
			map[string]any{"db.system.name": "mysql", "db.query.summary": "INSERT", "db.query.text": `INSERT INTO items VALUES (?…`},
		},
		"with a long name": {
			record.SQL{Driver: 4, Text: "DELETE FROM " + strings.Repeat("a", 249)},
			"DELETE", ptrace.StatusCodeUnset,
			map[string]any{"db.system.name": "mysql", "db.query.summary": "DELETE", "db.query.text": "DELETE FROM " + strings.Repeat("a", 249)},
		},
		"unknown words": {
			record.SQL{Text: `hunter2`}, "other_sql", ptrace.StatusCodeUnset,
			map[string]any{"db.system.name": "other_sql", "db.query.text": `hunter2`},
		},
		"without a text": {
			record.SQL{Driver: 1}, "postgresql", ptrace.StatusCodeUnset, map[string]any{"db.system.name": "postgresql"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.query.Header = identified(10, 30)
			test.attributes["fathom.goroutine.id"] = int64(7)
			span := onlySpan(t, &test.query)
			require.Equal(t, test.spanName, span.Name())
			require.Equal(t, test.status, span.Status().Code())
			require.Equal(t, test.attributes, span.Attributes().AsRaw())
			require.Equal(t, ptrace.SpanKindClient, span.Kind())
			require.Equal(t, [8]byte{3}, [8]byte(span.ParentSpanID()))
		})
	}
}
