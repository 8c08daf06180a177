// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rowstest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Row prints a row, one line a column.
func Row(names []string, values []any) string {
	var text strings.Builder
	for i, name := range names {
		fmt.Fprintf(&text, "%s: %s\n", name, Value(values[i]))
	}
	return text.String()
}

// Join prints rows in the order of their text: ClickHouse gives back rows in
// an order of its own.
func Join(rows []string) string {
	sorted := slices.Sorted(slices.Values(rows))
	return strings.Join(sorted, "---\n")
}

// Value prints a column's value as clickhouse-go scans it.
func Value(value any) string {
	if t, ok := value.(time.Time); ok {
		return t.UTC().Format(time.RFC3339Nano)
	}
	if json, ok := value.([]byte); ok {
		return string(json)
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.String:
		return fmt.Sprintf("%q", value)
	case reflect.Map:
		pairs := make([]string, 0, v.Len())
		for _, key := range v.MapKeys() {
			pairs = append(pairs, Value(key.Interface())+"="+Value(v.MapIndex(key).Interface()))
		}
		slices.Sort(pairs)
		return "{" + strings.Join(pairs, " ") + "}"
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = Value(v.Index(i).Interface())
		}
		return "[" + strings.Join(items, " ") + "]"
	default:
		return fmt.Sprint(value)
	}
}
