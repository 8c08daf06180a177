// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/sqldriver"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

func TestForAProgramThatQueries(t *testing.T) {
	for name, args := range map[string][]string{"normal": nil, "stripped PIE": {"-buildmode=pie", "-ldflags=-s -w"}} {
		t.Run(name, func(t *testing.T) {
			b, err := goexec.Open(targettest.BuildQueries(t, args...))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, b.Close()) })
			p := For(b)
			for _, probe := range sqlProbes() {
				require.True(t, p.Has(probe), probe)
			}
			require.NotContains(t, features(p), SQL)
			require.EqualValues(t, 40, p.Offsets.SQL.Connection)
			require.EqualValues(t, 8, p.Offsets.SQL.Query)
			require.Less(t, p.Constants.Begin, p.Constants.End)
			pgx := slices.IndexFunc(sqldriver.Known(), func(d sqldriver.Driver) bool {
				return d.Close == "github.com/jackc/pgx/v5/stdlib.(*Conn).Close"
			})
			for i, addr := range p.SQLDrivers {
				require.Equal(t, i == pgx, addr != 0, i)
			}
			testWithoutParts(t, b)
		})
	}
}

func testWithoutParts(t *testing.T, real Binary) {
	const succeeds, released = databaseSQL + "(*Rows).initContextClose", databaseSQL + "(*driverConn).releaseConn-fm"
	const queries, execs = databaseSQL + "(*Stmt).QueryContext.func1", databaseSQL + "(*Stmt).ExecContext.func1"
	none := goexec.ErrNoFunction
	for name, binary := range map[string]partial{
		"no place for a probe":     {points: map[string]error{succeeds: goexec.ErrNoProbePoint}},
		"no end":                   {functions: map[string]error{released: none}},
		"no connection":            {fields: map[string]bool{"database/sql.driverConn.ci": true}},
		"no text of a statement":   {fields: map[string]bool{"database/sql.Stmt.query": true}},
		"nobody asks for one":      {functions: map[string]error{queries: none, execs: none}},
		"who asks cannot be found": {functions: map[string]error{queries: errors.New("broken")}},
	} {
		t.Run(name, func(t *testing.T) {
			binary.Binary = real
			p := For(&binary)
			require.Contains(t, features(p), SQL)
			for _, probe := range sqlProbes() {
				require.False(t, p.Has(probe), probe)
			}
		})
	}
	starts := map[string]error{}
	for _, name := range []string{"(*DB).queryDC", "(*DB).execDC", "(*Stmt).connStmt"} {
		starts[databaseSQL+name] = none
	}
	p := For(&partial{Binary: real, functions: starts})
	require.NotContains(t, features(p), SQL, "a program that does not query lacks nothing")
	require.False(t, p.Has(SQLConnectionReleased))

	only := For(real).Only([]Protocol{Queries})
	require.True(t, only.Has(SQLQueryStarts) == only.beginsSpans())
}
