// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/sqldriver"
)

// SQLOffsets are in bytes within the structs of database/sql.
type SQLOffsets struct {
	// Connection is the driver's in a driverConn, Query the text in a Stmt.
	Connection, Query uint16
}

const databaseSQL = "database/sql."

// sql plans the queries by database/sql. A program links only the functions that
// it uses: the functions between which they begin and end have been the same since
// Go 1.21 (src/database/sql/sql.go).
func (m *maker) sql() {
	starts, err := m.linkedProbes(map[Probe]string{
		SQLQueryStarts:     databaseSQL + "(*DB).queryDC",
		SQLExecStarts:      databaseSQL + "(*DB).execDC",
		SQLStatementStarts: databaseSQL + "(*Stmt).connStmt",
	})
	if starts == 0 && err == nil {
		return
	}
	if err == nil {
		err = m.sqlEnds()
	}
	if err != nil {
		m.refuse(SQL, err)
	}
	o := &m.plan.Offsets.SQL
	proven := err == nil && m.outgoing(SQL) &&
		m.offsets(SQL, want{goexec.Field{Type: databaseSQL + "driverConn", Name: "ci"}, &o.Connection}) &&
		(!m.plan.Has(SQLStatementStarts) ||
			m.offsets(SQL, want{goexec.Field{Type: databaseSQL + "Stmt", Name: "query"}, &o.Query}))
	if !proven {
		m.drop(sqlProbes()...)
		return
	}
	for _, driver := range sqldriver.Known() {
		f, err := m.binary.Function(driver.Close)
		if err != nil { // not linked
			f.Addr = 0
		}
		m.plan.SQLDrivers = append(m.plan.SQLDrivers, f.Addr)
	}
}

// sqlEnds finds where queries end.
func (m *maker) sqlEnds() error {
	ends, err := m.linkedProbes(map[Probe]string{
		SQLQuerySucceeds:       databaseSQL + "(*Rows).initContextClose",
		SQLConnectionReleased:  databaseSQL + "(*driverConn).releaseConn-fm",
		SQLTransactionReleased: databaseSQL + "(*Tx).closemuRUnlockRelease-fm",
		SQLReservedReleased:    databaseSQL + "(*Conn).closemuRUnlockCondReleaseConn-fm",
	})
	if err != nil {
		return err
	}
	if ends == 0 || !m.plan.Has(SQLConnectionReleased) {
		return errors.New("there is no place where a query gives its connection back")
	}
	if !m.plan.Has(SQLStatementStarts) {
		return nil
	}
	for probe, caller := range map[Probe]string{
		SQLStatementQueries: databaseSQL + "(*Stmt).QueryContext.func1",
		SQLStatementExecs:   databaseSQL + "(*Stmt).ExecContext.func1",
	} {
		if _, err := m.binary.Function(caller); errors.Is(err, goexec.ErrNoFunction) {
			continue
		}
		at, err := m.afterCall(caller, databaseSQL+"(*Stmt).connStmt")
		if err != nil {
			return fmt.Errorf("where a prepared query gets its connection: %w", err)
		}
		m.plan.Probes[probe] = at
	}
	if !m.plan.Has(SQLStatementQueries) && !m.plan.Has(SQLStatementExecs) {
		return errors.New("there is no place where a prepared query gets its connection")
	}
	return nil
}

// linkedProbes plans probes on those of the functions that the program links, and
// returns how many there are.
func (m *maker) linkedProbes(wanted map[Probe]string) (int, error) {
	linked := 0
	for probe, name := range wanted {
		f, err := m.binary.Function(name)
		if errors.Is(err, goexec.ErrNoFunction) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if m.plan.Probes[probe], err = m.binary.ProbePoint(f); err != nil {
			return 0, err
		}
		linked++
	}
	return linked, nil
}

func sqlProbes() []Probe {
	return []Probe{
		SQLQueryStarts, SQLExecStarts, SQLStatementStarts, SQLStatementQueries, SQLStatementExecs,
		SQLQuerySucceeds, SQLConnectionReleased, SQLTransactionReleased, SQLReservedReleased,
	}
}
