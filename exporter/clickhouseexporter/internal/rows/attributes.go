// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// typeOfAttributes is the type of all columns of attributes.
const typeOfAttributes = proto.ColumnType("Map(LowCardinality(String), String)")

// attributes is a Map(LowCardinality(String), String) column. Each row's keys
// are sorted, so that equal sets of attributes are equal values.
type attributes struct {
	offsets uint64s
	keys    *lowCardinality
	values  text
	orders  orders
}

func newAttributes() *attributes {
	return &attributes{keys: newLowCardinality()}
}

// Type is Map(LowCardinality(String), String).
func (*attributes) Type() proto.ColumnType { return typeOfAttributes }

// Rows is the number of maps.
func (c *attributes) Rows() int { return c.offsets.Rows() }

// Reset empties the column. It keeps the orders of keys that it learnt, and
// nothing else that it was given.
func (c *attributes) Reset() {
	c.offsets.Reset()
	c.keys.Reset()
	c.values.Reset()
	c.orders.reset()
}

// EncodeState writes the version of the keys' dictionary.
func (c *attributes) EncodeState(b *proto.Buffer) { c.keys.EncodeState(b) }

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
	if n := m.Len(); n > few {
		c.appendAttributes(c.orders.find(m, c.orders.room(n)))
	} else if n > 0 {
		var room [few]attribute
		c.appendAttributes(c.orders.find(m, room[:0]))
	}
	c.offsets.append(uint64(c.values.rows))
}

// appendAttributes adds the attributes of a row, in their order where it is known.
func (c *attributes) appendAttributes(attributes []attribute, known *order) {
	if known != nil {
		c.keys.numbers = append(c.keys.numbers, c.numbers(known)...)
		for _, place := range known.places {
			appendValue(&c.values, attributes[place].value)
		}
		return
	}
	sortByKey(attributes)
	for _, attribute := range attributes {
		c.keys.append(attribute.key)
		appendValue(&c.values, attribute.value)
	}
}

// numbers is the numbers of the keys in the dictionary: looked up by the first
// row of a batch with these keys, remembered for the others.
func (c *attributes) numbers(known *order) []uint32 {
	if known.generation != c.orders.generation {
		known.generation = c.orders.generation
		for i, key := range known.keys {
			known.numbers[i] = c.keys.dictionary.number(key)
		}
	}
	return known.numbers
}

func (c *attributes) size(from, to int) int {
	first, last := bounds(&c.offsets, from, to)
	return maxWidth*(to-from) + c.keys.size(first, last) + c.values.size(first, last)
}

func (c *attributes) window(from, to int) column {
	first, last := bounds(&c.offsets, from, to)
	return &attributes{
		offsets: *rebased(&c.offsets, from, to),
		keys:    c.keys.window(first, last).(*lowCardinality),
		values:  *c.values.window(first, last).(*text),
	}
}

// repeatedAttributes is a column of attributes in which one map stands for many
// rows: those of a resource or scope are sorted and encoded once.
type repeatedAttributes struct {
	maps attributes
	runs runs
	// pending is the map that was set and has no row yet: it is not encoded
	// before it has one, so that the dictionary holds what rows have.
	pending    pcommon.Map
	hasPending bool
	// tiles and numbers are what WriteColumn writes of.
	tiles   tiles
	numbers []byte
}

func newRepeatedAttributes() *repeatedAttributes {
	return &repeatedAttributes{maps: *newAttributes()}
}

// Type is Map(LowCardinality(String), String).
func (*repeatedAttributes) Type() proto.ColumnType { return typeOfAttributes }

// Rows is the number of rows.
func (c *repeatedAttributes) Rows() int { return c.runs.rows() }

// Reset empties the column, as that of attributes.
func (c *repeatedAttributes) Reset() {
	c.maps.Reset()
	c.runs.reset()
	c.pending, c.hasPending = pcommon.Map{}, false
	c.tiles.reset()
	c.numbers = emptied(c.numbers, 1)
}

// EncodeState writes the version of the keys' dictionary.
func (c *repeatedAttributes) EncodeState(b *proto.Buffer) { c.maps.EncodeState(b) }

// EncodeColumn writes offsets, keys and values, each map as often as it is
// repeated.
func (c *repeatedAttributes) EncodeColumn(b *proto.Buffer) {
	c.encodeOffsets(b)
	for item, n := range c.runs.all() {
		first, last := bounds(&c.maps.offsets, item, item+1)
		start := len(b.Buf)
		b.Buf = c.maps.keys.appendNumbers(b.Buf, c.maps.keys.numbers[first:last])
		b.Buf = appendRepeated(b.Buf, b.Buf[start:], n-1)
	}
	for item, n := range c.runs.all() {
		b.Buf = appendRepeated(b.Buf, c.mapValues(item), n)
	}
}

// encodeOffsets writes the offsets, and the keys' dictionary.
func (c *repeatedAttributes) encodeOffsets(b *proto.Buffer) {
	offset := 0
	for item, n := range c.runs.all() {
		first, last := bounds(&c.maps.offsets, item, item+1)
		for range n {
			offset += last - first
			b.PutUInt64(uint64(offset))
		}
	}
	c.maps.keys.encodeDictionary(b, offset)
}

// WriteColumn writes what EncodeColumn writes.
func (c *repeatedAttributes) WriteColumn(w *proto.Writer) {
	w.ChainBuffer(c.encodeOffsets)
	c.tiles.begin()
	c.numbers = c.numbers[:0]
	for item, n := range c.runs.all() {
		first, last := bounds(&c.maps.offsets, item, item+1)
		start := len(c.numbers)
		c.numbers = c.maps.keys.appendNumbers(c.numbers, c.maps.keys.numbers[first:last])
		c.tiles.write(w, c.numbers[start:], n)
	}
	for item, n := range c.runs.all() {
		c.tiles.write(w, c.mapValues(item), n)
	}
}

// set is the map of the rows that follow.
func (c *repeatedAttributes) set(m pcommon.Map) { c.pending, c.hasPending = m, true }

// repeat adds n rows of the map that was set last.
func (c *repeatedAttributes) repeat(n int) {
	if n > 0 && c.hasPending {
		c.maps.append(c.pending)
		c.pending, c.hasPending = pcommon.Map{}, false
	}
	c.runs.extend(c.maps.Rows()-1, n)
}

// mapValues is the values of one map, as they are sent.
func (c *repeatedAttributes) mapValues(item int) []byte {
	first, last := bounds(&c.maps.offsets, item, item+1)
	c.maps.values.index()
	return c.maps.values.buffer[c.maps.values.starts[first]:c.maps.values.starts[last]]
}

func (c *repeatedAttributes) size(from, to int) int {
	sum := maxWidth * (to - from)
	for item, n := range c.runs.between(from, to) {
		first, last := bounds(&c.maps.offsets, item, item+1)
		sum += n * (c.maps.keys.sizeOf(c.maps.keys.numbers[first:last]) + len(c.mapValues(item)))
	}
	return sum
}

func (c *repeatedAttributes) window(from, to int) column {
	part := newRepeatedAttributes()
	for item, n := range c.runs.between(from, to) {
		first, last := bounds(&c.maps.offsets, item, item+1)
		part.maps.keys.numbers = c.maps.keys.translate(part.maps.keys, part.maps.keys.numbers,
			c.maps.keys.numbers[first:last])
		part.maps.values.buffer = append(part.maps.values.buffer, c.mapValues(item)...)
		part.maps.values.rows += last - first
		part.maps.offsets.append(uint64(part.maps.values.rows))
		part.repeat(n)
	}
	return part
}

// serviceName is the resource attribute service.name, or nothing.
func serviceName(resource pcommon.Map) string {
	if name, ok := resource.Get("service.name"); ok {
		return name.AsString()
	}
	return ""
}
