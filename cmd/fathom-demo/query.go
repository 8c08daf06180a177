// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"

	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/report"
)

// query asks the engine and prints the rows.
func query(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("fathom-demo query", flag.ContinueOnError)
	endpoint := flags.String("endpoint", engineEndpoint, "`address` of ClickHouse's native protocol")
	database := flags.String("database", engineDatabase, "`name` of the database")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New(`give one query: fathom-demo query "SELECT count() FROM otel_traces"`)
	}
	conn, err := report.Open(*endpoint, *database)
	if err != nil {
		return err
	}
	defer conn.Close()
	rows, err := conn.Query(ctx, flags.Arg(0))
	if err != nil {
		return fmt.Errorf("asking ClickHouse at %s (is a demo running? make run KEEP=1 leaves it so): %w", *endpoint, err)
	}
	defer rows.Close()

	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(rows.Columns(), "\t"))
	for rows.Next() {
		var cells []any
		for _, column := range rows.ColumnTypes() {
			cells = append(cells, reflect.New(column.ScanType()).Interface())
		}
		if err := rows.Scan(cells...); err != nil {
			return fmt.Errorf("reading a row: %w", err)
		}
		var texts []string
		for _, cell := range cells {
			texts = append(texts, fmt.Sprint(reflect.ValueOf(cell).Elem().Interface()))
		}
		fmt.Fprintln(table, strings.Join(texts, "\t"))
	}
	return errors.Join(rows.Err(), table.Flush())
}
