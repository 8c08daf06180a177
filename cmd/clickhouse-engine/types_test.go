// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main_test

import (
	"fmt"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// column is a type with the value that row i has in it.
type column struct {
	typ   string
	value func(i int) any
}

// columns are the types of the otel tables, and the others that ClickHouse's
// clients know.
func columns() []column {
	at := time.Date(2026, 11, 21, 4, 30, 0, 123456789, time.UTC)
	text := func(i int) any { return fmt.Sprintf("text %d", i) }
	return []column{
		{"String", text},
		{"LowCardinality(String)", func(i int) any { return fmt.Sprint(i % 300) }},
		{"LowCardinality(Nullable(String))", func(i int) any { return nullable(i, "x") }},
		{"Map(LowCardinality(String), String)", func(i int) any { return attributes(i) }},
		{"Array(Map(LowCardinality(String), String))", func(i int) any {
			maps := make([]map[string]string, i%3)
			for j := range maps {
				maps[j] = attributes(i + j)
			}
			return maps
		}},
		{"Array(LowCardinality(String))", func(i int) any { return []string{"a", fmt.Sprint(i % 5)}[:i%3] }},
		{"Array(Array(UInt64))", func(i int) any { return [][]uint64{{uint64(i)}, {}, {1, 2}} }},
		{"DateTime64(9)", func(i int) any { return at.Add(time.Duration(i)) }},
		{"DateTime64(3, 'Europe/Berlin')", func(i int) any { return at.Truncate(time.Millisecond) }},
		{"DateTime", func(i int) any { return at.Truncate(time.Second) }},
		{"Date", func(i int) any { return time.Date(2026, 1, 1+i%365, 0, 0, 0, 0, time.UTC) }},
		{"Date32", func(i int) any { return time.Date(1950, 1, 1+i%365, 0, 0, 0, 0, time.UTC) }},
		{"Array(DateTime64(9))", func(i int) any { return []time.Time{at, at.Add(time.Duration(i))} }},
		{"Enum8('Unset' = 0, 'Ok' = 1, 'It\\'s, (bad)' = 2)", func(i int) any { return []string{"Unset", "Ok", "It's, (bad)"}[i%3] }},
		{"Enum16('a' = -300, 'b' = 300)", func(i int) any { return []string{"a", "b"}[i%2] }},
		{"UInt8", func(i int) any { return uint8(i) }},
		{"UInt16", func(i int) any { return uint16(i) }},
		{"UInt32", func(i int) any { return uint32(i) }},
		{"UInt64", func(i int) any { return ^uint64(i) }},
		{"Int8", func(i int) any { return int8(-i) }},
		{"Int16", func(i int) any { return int16(-i) }},
		{"Int32", func(i int) any { return int32(-i) }},
		{"Int64", func(i int) any { return int64(-i) << 40 }},
		{"Float32", func(i int) any { return float32(i) / 4 }},
		{"Float64", func(i int) any { return float64(i) / 3 }},
		{"Bool", func(i int) any { return i%2 == 0 }},
		{"Nullable(UInt64)", func(i int) any { return nullable(i, uint64(i)) }},
		{"Nullable(String)", func(i int) any { return nullable(i, "y") }},
		{"UUID", func(i int) any { return uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(i)}) }},
		{"FixedString(16)", func(i int) any { return fmt.Sprintf("%016d", i) }},
		{"Decimal(18, 4)", func(i int) any { return decimal.New(int64(i)*7+1, -4) }},
		{"Decimal(38, 10)", func(i int) any { return decimal.New(int64(i)*7+1, -10) }},
		{"IPv4", func(i int) any { return net.IPv4(10, 0, 0, byte(i)).To4() }},
		{"IPv6", func(i int) any { return net.ParseIP(fmt.Sprintf("2001:db8::%x", i+1)) }},
		{"SimpleAggregateFunction(max, UInt64)", func(i int) any { return uint64(i) }},
	}
}

func attributes(i int) map[string]string {
	attributes := map[string]string{}
	for j := range i % 4 {
		attributes[fmt.Sprintf("key.%d", j)] = fmt.Sprint(i)
	}
	return attributes
}

func nullable[T any](i int, value T) *T {
	if i%2 == 0 {
		return nil
	}
	return &value
}

// TestEveryTypeThereAndBack sends a batch with a column of each type and reads
// it back, under each compression.
func TestEveryTypeThereAndBack(t *testing.T) {
	endpoint := enginetest.Start(t)
	for name, compression := range compressions() {
		t.Run(name, func(t *testing.T) {
			conn := connect(t, endpoint, compression)
			execute(t, conn, "DROP TABLE IF EXISTS all_types")
			definition := "CREATE TABLE all_types (id UInt64"
			for i, c := range columns() {
				definition += fmt.Sprintf(", c%d %s", i, c.typ)
			}
			execute(t, conn, definition+") ENGINE = MergeTree ORDER BY id")
			const rows = 1000
			batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO all_types")
			require.NoError(t, err)
			for id := range rows {
				require.NoError(t, batch.Append(rowOf(id)...))
			}
			require.NoError(t, batch.Send())
			assert.Equal(t, uint64(rows), one[uint64](t, conn, "SELECT count() FROM all_types"))

			got, err := conn.Query(t.Context(), "SELECT * FROM all_types ORDER BY id")
			require.NoError(t, err)
			defer got.Close()
			id := 0
			for ; got.Next(); id++ {
				compareRow(t, id, func(into ...any) error { return got.Scan(into...) })
			}
			require.NoError(t, got.Err())
			require.Equal(t, rows, id)
		})
	}
}

func rowOf(id int) []any {
	row := []any{uint64(id)}
	for _, c := range columns() {
		row = append(row, c.value(id))
	}
	return row
}

// compareRow reads a row into values of the types that were sent, and compares
// them.
func compareRow(t *testing.T, id int, scan func(...any) error) {
	t.Helper()
	want := rowOf(id)
	into := make([]any, len(want))
	for i, value := range want {
		into[i] = reflect.New(reflect.TypeOf(value)).Interface()
	}
	require.NoError(t, scan(into...))
	for i, value := range want {
		got := reflect.ValueOf(into[i]).Elem().Interface()
		if at, ok := value.(time.Time); ok {
			require.True(t, at.Equal(got.(time.Time)), "row %d, column %d: %v, not %v", id, i, got, at)
			continue
		}
		require.Equal(t, fmt.Sprint(indirect(value)), fmt.Sprint(indirect(got)), "row %d, column %d", id, i)
	}
}

// indirect is the value of a pointer to a nullable one.
func indirect(value any) any {
	v := reflect.ValueOf(value)
	if v.Kind() != reflect.Pointer {
		return value
	}
	if v.IsNil() {
		return nil
	}
	return v.Elem().Interface()
}
