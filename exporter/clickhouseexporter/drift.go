// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
)

// reportDrift looks at a table's columns before the first row is inserted. The
// log names each that is missing or of another type than what is inserted:
// ClickHouse refuses rows without a column for them, and casts types where it
// can, which may lose a part of a value.
func (i *inserter) reportDrift(ctx context.Context, table string, input proto.Input) error {
	columns, err := i.client.Columns(ctx, i.schema.Database, table)
	if client.Answered(err) {
		return nil // a user who may do nothing but INSERT
	}
	if err != nil {
		return err
	}
	if missing, differing := drift(columns, rows.Without(input, i.lacking(table))); len(columns) > 0 && len(missing)+len(differing) > 0 {
		i.logger.Warn("the table is not as this exporter writes it: rows are refused where a column is missing, "+
			"and values cast where a type differs",
			zap.String("table", table), zap.Strings("missing", missing), zap.Strings("differing", differing))
	}
	return nil
}

// drift names the columns of input that a table does not have, or has with
// another type.
func drift(columns []client.Column, input proto.Input) (missing, differing []string) {
	types := map[string]proto.ColumnType{}
	for _, column := range columns {
		types[column.Name] = column.Type
	}
	for _, column := range input {
		has, found := types[column.Name]
		wanted := column.Data.Type()
		switch {
		case !found:
			missing = append(missing, column.Name)
		case has != wanted && !finer(has, wanted):
			differing = append(differing, fmt.Sprintf("%s is %s, not %s", column.Name, has, wanted))
		}
	}
	return missing, differing
}

// finer reports whether a table, which an older exporter made, has the times of
// metrics with nanoseconds, which are kept, or JSON with parameters.
func finer(has, wanted proto.ColumnType) bool {
	const fine, json proto.ColumnType = "DateTime64(9)", "JSON"
	if wanted == json {
		return has.Base() == json
	}
	return wanted == proto.ColumnTypeDateTime && has == fine ||
		wanted == proto.ColumnTypeDateTime.Array() && has == fine.Array()
}
