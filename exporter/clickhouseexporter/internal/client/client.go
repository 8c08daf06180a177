// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// Options is how to reach and use ClickHouse.
type Options struct {
	// Addresses are the servers, as host:port.
	Addresses []string
	// Strategy says in which order they are tried.
	Strategy Strategy
	// TLS is used where it is not nil.
	TLS *tls.Config
	// DialTimeout bounds one attempt to connect to one address and log in.
	// Where the caller's context ends sooner, the time that remains is shared
	// by the addresses that are still to be tried.
	DialTimeout time.Duration

	Database, User, Password string
	// Settings go with every query. One that the server does not know is an
	// error, never ignored.
	Settings []ch.Setting

	Compression      ch.Compression
	CompressionLevel ch.CompressionLevel
	// ClientName appears in the server's system.query_log.
	ClientName string

	// MaxConnections bounds the connections that are open at once.
	MaxConnections int
	// MaxLifetime is the age from which a connection is not used again. It is
	// closed when a connection is next taken or given back.
	MaxLifetime time.Duration
}

// Client is a pool of connections to ClickHouse. It is safe for concurrent use.
type Client struct {
	pool *pool
}

// New makes a client. It connects to nothing yet.
func New(options Options) *Client {
	return &Client{pool: newPool(options)}
}

// Close closes the idle connections, and each of the others as it is released.
func (c *Client) Close() { c.pool.close() }

// Insert writes one block of rows to a table, whose name is quoted already,
// with settings besides those of the options. An error says nothing about whether the rows were stored, unless it is an
// exception of the server's (see Reason).
func (c *Client) Insert(ctx context.Context, table string, input proto.Input, settings ...ch.Setting) error {
	return c.pool.with(ctx, func(conn *session) error {
		return conn.insert(ctx, ch.Query{Body: insertStatement(table, input), Settings: settings}, input)
	})
}

// insertStatement names the columns, so that a table may have more of them.
func insertStatement(table string, input proto.Input) string {
	var text strings.Builder
	text.WriteString("INSERT INTO ")
	text.WriteString(table)
	text.WriteString(" (")
	for i, column := range input {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteByte('`')
		text.WriteString(column.Name)
		text.WriteByte('`')
	}
	text.WriteString(") VALUES")
	return text.String()
}

// Execute runs statements one after the other and drops the rows that they
// return: with ON CLUSTER, a statement that succeeded returns one a host.
func (c *Client) Execute(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		err := c.pool.with(ctx, func(conn *session) error {
			return conn.Do(ctx, ch.Query{
				Body:     statement,
				Result:   new(proto.Results).Auto(),
				OnResult: func(context.Context, proto.Block) error { return nil },
			})
		})
		if err != nil {
			return fmt.Errorf("%s: %w", firstLine(statement), err)
		}
	}
	return nil
}

// firstLine is enough of a statement to recognise it in an error.
func firstLine(statement string) string {
	line, _, _ := strings.Cut(statement, "\n")
	return strings.TrimRight(line, " (")
}

// Version is the server's version.
func (c *Client) Version(ctx context.Context) (major, minor int, err error) {
	err = c.pool.with(ctx, func(conn *session) error {
		info := conn.ServerInfo()
		major, minor = info.Major, info.Minor
		return nil
	})
	return major, minor, err
}

// Column is one column of a table.
type Column struct {
	Name string
	Type proto.ColumnType
}

// Columns is a table's columns, none where the table does not exist or the user
// has no privilege on it.
func (c *Client) Columns(ctx context.Context, database, table string) ([]Column, error) {
	var columns []Column
	err := c.pool.with(ctx, func(conn *session) error {
		var names, types proto.ColStr
		return conn.Do(ctx, ch.Query{
			Body: "SELECT name, type FROM system.columns WHERE database = " + literal(database) +
				" AND table = " + literal(table),
			Result: proto.Results{{Name: "name", Data: &names}, {Name: "type", Data: &types}},
			OnResult: func(context.Context, proto.Block) error {
				for i := range names.Rows() {
					columns = append(columns, Column{names.Row(i), proto.ColumnType(types.Row(i))})
				}
				return nil
			},
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look up the columns of %s.%s: %w", database, table, err)
	}
	return columns, nil
}

// literal quotes a string. Source: ClickHouse's lexer, where a backslash
// escapes inside of single quotes.
func literal(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}
