// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

// describeQueries is what the BPF programs know of database/sql in a process.
func describeQueries(d *spansProcess, t Target) {
	p := t.Plan
	d.Sql.Connection = p.Offsets.SQL.Connection
	d.Sql.Query = p.Offsets.SQL.Query
	for i := range min(len(p.SQLDrivers), len(d.Sql.Closes)) {
		if p.SQLDrivers[i] != 0 {
			d.Sql.Closes[i] = p.SQLDrivers[i] + t.Bias
		}
	}
}
