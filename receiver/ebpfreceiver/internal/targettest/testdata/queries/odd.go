// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// odd is a driver that leaves queries to prepared statements, and panics in some.
type odd struct{}

func (odd) Connect(context.Context) (driver.Conn, error) { return oddConn{}, nil }
func (odd) Driver() driver.Driver                        { return nil }

type oddConn struct{}

func (oddConn) Begin() (driver.Tx, error)                { return nil, errors.New("no transactions") }
func (oddConn) Close() error                             { return nil }
func (oddConn) Prepare(text string) (driver.Stmt, error) { return oddStmt{text}, nil }
func (oddConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nil, driver.ErrSkip
}

type oddStmt struct{ text string }

func (oddStmt) Close() error                               { return nil }
func (oddStmt) NumInput() int                              { return 0 }
func (oddStmt) Exec([]driver.Value) (driver.Result, error) { return driver.RowsAffected(1), nil }
func (s oddStmt) Query([]driver.Value) (driver.Rows, error) {
	if s.text == "panic" {
		panic("no rows")
	}
	return oddRows{}, nil
}

type oddRows struct{}

func (oddRows) Columns() []string         { return nil }
func (oddRows) Close() error              { return nil }
func (oddRows) Next([]driver.Value) error { return io.EOF }
