// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package sqldriver knows drivers of database/sql by the types of their
// connections, and the database systems that they are for.
package sqldriver

// Driver is the connection type of one driver.
type Driver struct {
	// System is its db.system.name in the semantic conventions.
	System string
	// Close is the name of the type's method Close, as Go links it.
	Close string
}

// Other is the db.system.name of what is for no known system.
const Other = "other_sql"

// Known are the well-known drivers, in an order that the BPF programs count by.
// A driver that wraps another one has a type of its own.
func Known() []Driver {
	return []Driver{
		{"postgresql", "github.com/jackc/pgx/v5/stdlib.(*Conn).Close"},
		{"postgresql", "github.com/jackc/pgx/v4/stdlib.(*Conn).Close"},
		{"postgresql", "github.com/lib/pq.(*conn).Close"},
		{"mysql", "github.com/go-sql-driver/mysql.(*mysqlConn).Close"},
		{"sqlite", "github.com/mattn/go-sqlite3.(*SQLiteConn).Close"},
		{"sqlite", "modernc.org/sqlite.(*conn).Close"},
		{"sqlite", "github.com/glebarez/go-sqlite.(*conn).Close"},
		{"sqlite", "github.com/ncruces/go-sqlite3/driver.(*conn).Close"},
		{"microsoft.sql_server", "github.com/microsoft/go-mssqldb.(*Conn).Close"},
		{"microsoft.sql_server", "github.com/denisenkom/go-mssqldb.(*Conn).Close"},
		{"clickhouse", "github.com/ClickHouse/clickhouse-go/v2.(*stdDriver).Close"},
		{"oracle.db", "github.com/sijms/go-ora/v2.(*Connection).Close"},
		{"oracle.db", "github.com/godror/godror.(*conn).Close"},
		{"trino", "github.com/trinodb/trino-go-client/trino.(*Conn).Close"},
		{"gcp.spanner", "github.com/googleapis/go-sql-spanner.(*conn).Close"},
		{"sap.hana", "github.com/SAP/go-hdb/driver.(*conn).Close"},
	}
}

// System is the db.system.name of a driver by its number, from 1; Other of none.
func System(number uint32) string {
	if known := Known(); number > 0 && int(number) <= len(known) {
		return known[number-1].System
	}
	return Other
}
