// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// randomValue is of any type, more of them inside down to a depth. Keys have no
// dots and are UTF-8, so that no path comes twice.
func randomValue(random *rand.Rand, value pcommon.Value, depth int) {
	switch random.IntN(9) {
	case 0:
	case 1:
		value.SetBool(random.IntN(2) == 0)
	case 2:
		value.SetInt(random.Int64() - random.Int64())
	case 3:
		if f := math.Float64frombits(random.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			value.SetDouble(f)
		}
	case 4:
		value.SetEmptyBytes().FromRaw([]byte(randomText(random)))
	case 5:
		slice := value.SetEmptySlice()
		for range depth {
			randomValue(random, slice.AppendEmpty(), depth-1)
		}
	case 6:
		m := value.SetEmptyMap()
		for range depth {
			randomValue(random, m.PutEmpty(string(rune('a'+random.IntN(26)))), depth-1)
		}
	default:
		value.SetStr(randomText(random))
	}
}

func randomText(random *rand.Rand) string {
	runes := []string{"a", "\"", "\\", "<", ">", "&", "\x00", "\x1f", "\x7f", "\b\f\n\r\t", "é", "\u2028", "\u2029", "\u2030", "\U0001f600", "\xff", "\xc0\x80", "\xed\xa0\x80", "\ufffd"}
	text := ""
	for range random.IntN(12) {
		text += runes[random.IntN(len(runes))]
	}
	return text
}

// TestJSONIsEncodingJSONs compares random attributes with what encoding/json
// makes of them, in both kinds of columns.
func TestJSONIsEncodingJSONs(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	var corrected Corrections
	column, repeated := newJSONAttributes(&corrected), newRepeatedJSON(&corrected)
	var want []string
	for n := range 4000 {
		m := pcommon.NewMap()
		for range random.IntN(8) {
			randomValue(random, m.PutEmpty("k"+string(rune('a'+random.IntN(26)))+"<&>"), 4)
		}
		text, err := json.Marshal(m.AsRaw())
		require.NoError(t, err)
		want = append(want, string(text))
		column.append(m)
		repeated.set(m)
		repeated.repeat(1)
		if n == 2000 {
			column.Reset()
			repeated.Reset()
			want = want[:0]
		}
	}
	assert.Equal(t, want, decoded(t, &column.text))
	assert.Equal(t, bytesOf(column), bytesOf(repeated))
	assert.Equal(t, Corrections{}, corrected)
}

// TestJSONThatColumnsRefuse writes what encoding/json refuses, or ClickHouse: the
// same path twice.
func TestJSONThatColumnsRefuse(t *testing.T) {
	type values = map[string]any
	for want, c := range map[string]struct {
		m         values
		corrected Corrections
	}{
		`{"a":{"b":1}}`:                {values{"a.b": 2, "a": values{"b": 1}}, Corrections{DuplicatePath: 1}},
		`{"a":{"b":null},"a.b":2}`:     {values{"a.b": 2, "a": values{"b": nil}}, Corrections{}},
		`{"a":1,"a.b":2}`:              {values{"a": 1, "a.b": 2}, Corrections{}},
		`{"":{"":{"":1}},".":{"a":2}}`: {values{"": values{"": values{"": 1}}, ".": values{"a": 2}}, Corrections{}},
		`{"\ufffd":1}`:                 {values{"\xfe": 1, "\xff": 2}, Corrections{DuplicatePath: 1}},
		`{"a":[{"b":{"c":1}},{"b.c":3}]}`: {
			values{"a": []any{values{"b": values{"c": 1}, "b.c": 2}, values{"b.c": 3}}}, Corrections{DuplicatePath: 1},
		},
		`{"a":"NaN","b":["Infinity","-Infinity"]}`: {
			values{"a": math.NaN(), "b": []any{math.Inf(1), math.Inf(-1)}}, Corrections{NumberNotInJSON: 3},
		},
	} {
		m := pcommon.NewMap()
		require.NoError(t, m.FromRaw(c.m))
		var corrected Corrections
		column := newJSONAttributes(&corrected)
		column.append(m)
		assert.Equal(t, []string{want}, decoded(t, &column.text))
		assert.Equal(t, c.corrected, corrected, want)
	}
}

// TestJSONPaths looks at the paths of nested attributes, of repeated ones too.
func TestJSONPaths(t *testing.T) {
	m := pcommon.NewMap()
	require.NoError(t, m.FromRaw(map[string]any{
		"b": 1, "a": map[string]any{"z": 1, "b": map[string]any{"x": nil}, "empty": map[string]any{}}, "a.z": 2, "a!": 1,
	}))
	c, input := Layout{JSON: true}.repeatedWithPaths("X", new(Corrections))
	require.Equal(t, []string{"XKeys"}, namesOf(input))
	for range 3 {
		c.set(m)
		c.repeat(0)
	}
	c.repeat(2)
	c.set(pcommon.NewMap())
	c.repeat(2)
	c.set(m)
	c.repeat(1)
	c.repeat(1)
	keys := c.(*repeatedJSON).one.paths
	assert.Equal(t, []string{"a!", "a.b.x", "a.z", "b"}, func() []string {
		var names []string
		for _, number := range keys.keys.numbers[:4] {
			span := keys.keys.dictionary.ends[number]
			names = append(names, string(keys.keys.dictionary.values.buffer[span.from:span.to]))
		}
		return names
	}())
	assert.Equal(t, []uint64{4, 8, 8, 8, 12, 16}, []uint64(keys.offsets.values))
	assert.Equal(t, 6, c.Rows())
}

// TestJSONTakesTheTablesType sends the type that the table has, where it is JSON.
func TestJSONTakesTheTablesType(t *testing.T) {
	c := newRepeatedJSON(new(Corrections))
	for server, want := range map[string]string{
		"JSON": "JSON", "JSON(max_dynamic_paths=8)": "JSON(max_dynamic_paths=8)", "Map(String, String)": "JSON",
	} {
		require.NoError(t, c.Infer(proto.ColumnType(server)))
		assert.EqualValues(t, want, c.Type())
		assert.EqualValues(t, want, c.window(0, 0).Type())
	}
}
