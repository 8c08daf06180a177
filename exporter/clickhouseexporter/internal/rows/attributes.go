// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// attributes is a Map(LowCardinality(String), String) column. Each row's keys
// are sorted, so that equal sets of attributes are equal values.
type attributes struct {
	offsets proto.ColUInt64
	keys    *proto.ColLowCardinality[string]
	values  proto.ColStr
	scratch sortedAttributes
}

func newAttributes() *attributes {
	return &attributes{keys: newLowCardinality()}
}

// Type is Map(LowCardinality(String), String).
func (c *attributes) Type() proto.ColumnType {
	return proto.ColumnTypeMap.Sub(c.keys.Type(), c.values.Type())
}

// Rows is the number of maps.
func (c *attributes) Rows() int { return c.offsets.Rows() }

// Reset empties the column.
func (c *attributes) Reset() {
	c.offsets.Reset()
	resetLowCardinality(c.keys)
	c.values.Reset()
	c.scratch.forget()
}

// EncodeState writes the version of the keys' dictionary.
func (c *attributes) EncodeState(b *proto.Buffer) { c.keys.EncodeState(b) }

// Prepare builds the keys' dictionary.
func (c *attributes) Prepare() error { return c.keys.Prepare() }

// EncodeColumn writes offsets, keys and values.
func (c *attributes) EncodeColumn(b *proto.Buffer) {
	c.offsets.EncodeColumn(b)
	c.keys.EncodeColumn(b)
	c.values.EncodeColumn(b)
}

// WriteColumn writes offsets, keys and values.
func (c *attributes) WriteColumn(w *proto.Writer) {
	c.offsets.WriteColumn(w)
	c.keys.WriteColumn(w)
	c.values.WriteColumn(w)
}

// append adds one row.
func (c *attributes) append(m pcommon.Map) {
	c.scratch.fill(m)
	c.appendSorted(c.scratch)
}

// appendSorted adds one row of attributes that are sorted already: those of a
// resource or scope are sorted once and added to each of its rows.
func (c *attributes) appendSorted(sorted sortedAttributes) {
	for _, attribute := range sorted {
		c.keys.Append(attribute.key)
		appendText(&c.values, attribute.value)
	}
	c.offsets = append(c.offsets, uint64(c.keys.Rows()))
}

// sortedAttributes is a pcommon.Map in the order of its keys.
type sortedAttributes []attribute

type attribute struct {
	key   string
	value pcommon.Value
}

// fill replaces the attributes by those of the map.
func (s *sortedAttributes) fill(m pcommon.Map) {
	*s = (*s)[:0]
	for key, value := range m.All() {
		*s = append(*s, attribute{key, value})
	}
	slices.SortStableFunc(*s, func(a, b attribute) int { return strings.Compare(a.key, b.key) })
}

// forget lets go of what the attributes refer to: they would keep a batch alive
// for as long as the block waits for the next one.
func (s *sortedAttributes) forget() {
	clear((*s)[:cap(*s)])
	*s = (*s)[:0]
}

// serviceName is the resource attribute service.name, or nothing.
func serviceName(resource pcommon.Map) string {
	if name, ok := resource.Get("service.name"); ok {
		return name.AsString()
	}
	return ""
}

// appendText adds the value as pcommon.Value.AsString writes it, without a
// string in between for the commonest types.
func appendText(c *proto.ColStr, value pcommon.Value) {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		c.Append(value.Str())
	case pcommon.ValueTypeInt:
		var digits [20]byte
		c.AppendBytes(strconv.AppendInt(digits[:0], value.Int(), 10))
	case pcommon.ValueTypeBool:
		c.Append(strconv.FormatBool(value.Bool()))
	default:
		c.Append(value.AsString())
	}
}
