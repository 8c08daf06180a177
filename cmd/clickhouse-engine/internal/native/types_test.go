// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseType(t *testing.T) {
	for name, want := range map[string]layout{
		"UInt8":                              fixedWidth(1),
		"Enum16('a'=-1)":                     fixedWidth(2),
		"Enum8('It\\'s, (a)' = 1, 'b)' = 2)": fixedWidth(1),
		"DateTime('Europe/Berlin')":          fixedWidth(4),
		"DateTime64(9, 'UTC')":               fixedWidth(8),
		"IntervalSecond":                     fixedWidth(8),
		"UUID":                               fixedWidth(16),
		"FixedString(33)":                    fixedWidth(33),
		"Decimal(9, 2)":                      fixedWidth(4),
		"Decimal(18, 2)":                     fixedWidth(8),
		"Decimal(38, 2)":                     fixedWidth(16),
		"Decimal(76, 2)":                     fixedWidth(32),
		"Int256":                             fixedWidth(32),
		"String":                             text{},
		"JSON(max_dynamic_paths=8)":          jsonText{},
		"Nullable(String)":                   nullable{text{}},
		"Array(Array(UInt16))":               array{array{fixedWidth(2)}},
		"LowCardinality(String)":             lowCardinality{text{}},
		"LowCardinality(Nullable(String))":   lowCardinality{text{}},
		"Map(LowCardinality(String), Array(String))":   array{tuple{lowCardinality{text{}}, array{text{}}}},
		"Tuple(UInt8, String)":                         tuple{fixedWidth(1), text{}},
		"Tuple(a UInt8, `b (, c` String)":              tuple{fixedWidth(1), text{}},
		"Tuple()":                                      tuple{},
		"Nested(a UInt8, b Map(String, UInt8))":        array{tuple{fixedWidth(1), array{tuple{text{}, fixedWidth(1)}}}},
		"SimpleAggregateFunction(sum, UInt64)":         fixedWidth(8),
		"SimpleAggregateFunction(groupArray(3), Date)": fixedWidth(2),
		"Point":   tuple{fixedWidth(8), fixedWidth(8)},
		"Polygon": array{array{tuple{fixedWidth(8), fixedWidth(8)}}},
	} {
		got, err := parseType(name)
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
	}
}

func TestParseTypeRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"":                             "not supported",
		"Dynamic":                      "Dynamic is not supported",
		"AggregateFunction(sum, Int8)": "AggregateFunction is not supported",
		"Array(":                       "no closing bracket",
		"Array(UInt8":                  "no closing bracket",
		"Array()":                      "not supported",
		"Array(UInt8, UInt8)":          "not supported",
		"Map(String)":                  "not supported",
		"Map(String, (UInt8)":          "leave a bracket open",
		"Map(String), UInt8)":          "close a bracket",
		"Enum8('a)":                    "open quote",
		"FixedString(x)":               "no usable length",
		"FixedString(-1)":              "no usable length",
		"FixedString(99999999999)":     "no usable length",
		"Decimal(77, 1)":               "no usable precision",
		"Decimal":                      "no usable precision",
		strings.Repeat("Array(", 100) + "UInt8" + strings.Repeat(")", 100): "nests deeper",
	} {
		_, err := parseType(name)
		require.ErrorContains(t, err, want, name)
	}
}

func FuzzParseType(f *testing.F) {
	f.Add("Map(LowCardinality(String), Array(Nullable(DateTime64(9, 'UTC'))))")
	f.Add("Tuple(a UInt8, `b (, c` Enum8('x' = 1))")
	f.Fuzz(func(t *testing.T, name string) {
		layout, err := parseType(name)
		if (layout == nil) != (err != nil) {
			t.Fatalf("%q gave %v and %v", name, layout, err)
		}
	})
}
