// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Queries is a server under observation that uses database/sql in all ways, with
// pgx against a server of PostgreSQL's protocol of its own.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/XSAM/otelsql"
	"github.com/jackc/pgx/v5/stdlib"
	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	databases, err := open()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{database}/{way}", func(w http.ResponseWriter, r *http.Request) {
		way, ok := ways[r.PathValue("way")]
		db := databases[r.PathValue("database")]
		if !ok || db == nil {
			http.NotFound(w, r)
			return
		}
		// Made at run time: it stands on the heap.
		text := r.URL.Query().Get("text") + r.URL.Query().Get("more")
		fmt.Fprintln(w, recovered(func() error { return way(r.Context(), db, text) }))
	})
	mux.HandleFunc("GET /constant", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, query(databases["pgx"].QueryContext(r.Context(), "SELECT a FROM constants WHERE b = 'secret'")))
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, mux)
}

// open opens databases by the names that paths begin with.
func open() (map[string]*sql.DB, error) {
	address, err := servePostgreSQL()
	if err != nil {
		return nil, err
	}
	source := "postgres://user@" + address + "/test?sslmode=disable"
	plain, err := sql.Open("pgx", source)
	if err != nil {
		return nil, err
	}
	instrumented, err := otelsql.Open("pgx", source, otelsql.WithTracerProvider(trace.NewTracerProvider()))
	if err != nil {
		return nil, err
	}
	_ = stdlib.GetDefaultDriver() // registers pgx
	return map[string]*sql.DB{"pgx": plain, "sdk": instrumented, "odd": sql.OpenDB(odd{})}, nil
}

func recovered(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}

// query reads the rows.
func query(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

func exec(_ sql.Result, err error) error { return err }

var ways = map[string]func(context.Context, *sql.DB, string) error{
	"query":         func(ctx context.Context, db *sql.DB, text string) error { return query(db.QueryContext(ctx, text)) },
	"query_plain":   func(_ context.Context, db *sql.DB, text string) error { return query(db.Query(text)) },
	"query_row":     func(ctx context.Context, db *sql.DB, text string) error { return scan(db.QueryRowContext(ctx, text)) },
	"exec":          func(ctx context.Context, db *sql.DB, text string) error { return exec(db.ExecContext(ctx, text)) },
	"exec_plain":    func(_ context.Context, db *sql.DB, text string) error { return exec(db.Exec(text)) },
	"exec_argument": func(_ context.Context, db *sql.DB, text string) error { return exec(db.Exec(text, "secret")) },
	"twice": func(ctx context.Context, db *sql.DB, text string) error {
		if err := query(db.QueryContext(ctx, text)); err != nil {
			return err
		}
		return exec(db.ExecContext(ctx, text))
	},
	"conn": inConn(func(ctx context.Context, c *sql.Conn, text string) error {
		if err := query(c.QueryContext(ctx, text)); err != nil {
			return err
		}
		return exec(c.ExecContext(ctx, text))
	}),
	"tx": inTx(func(ctx context.Context, tx *sql.Tx, _ *sql.DB, text string) error {
		if err := query(tx.QueryContext(ctx, text)); err != nil {
			return err
		}
		return exec(tx.Exec(text))
	}),
	"stmt": func(ctx context.Context, db *sql.DB, text string) error {
		s, err := db.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		defer s.Close()
		if err := query(s.QueryContext(ctx)); err != nil {
			return err
		}
		return exec(s.Exec())
	},
	"stmt_expired": func(ctx context.Context, db *sql.DB, text string) error {
		s, err := db.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		defer s.Close()
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return exec(s.ExecContext(ctx))
	},
	"tx_stmt": inTx(func(ctx context.Context, tx *sql.Tx, db *sql.DB, text string) error {
		s, err := db.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		defer s.Close()
		if err := query(tx.StmtContext(ctx, s).Query()); err != nil {
			return err
		}
		return exec(tx.Stmt(s).ExecContext(ctx))
	}),
}

func scan(row *sql.Row) error {
	var value string
	return row.Scan(&value)
}

func inConn(f func(context.Context, *sql.Conn, string) error) func(context.Context, *sql.DB, string) error {
	return func(ctx context.Context, db *sql.DB, text string) error {
		c, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		return f(ctx, c, text)
	}
}

func inTx(f func(context.Context, *sql.Tx, *sql.DB, string) error) func(context.Context, *sql.DB, string) error {
	return func(ctx context.Context, db *sql.DB, text string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := f(ctx, tx, db, text); err != nil {
			_ = tx.Rollback()
			return err
		}
		return tx.Commit()
	}
}
