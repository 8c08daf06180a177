// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	typeOfJSON = proto.ColumnType("JSON")
	// jsonAsString is the serialization of JSON in which each row is its text.
	// Source: ClickHouse, src/DataTypes/Serializations/SerializationObject.h,
	// SerializationVersion::STRING.
	jsonAsString = 1
)

// jsonText is a JSON column as it goes over the wire: each object's text behind
// its length. The server takes it apart.
type jsonText struct {
	text
	// server is the table's type where it has parameters, such as
	// JSON(max_dynamic_paths=8).
	server proto.ColumnType
}

// Type is JSON, with the parameters of the table's.
func (c *jsonText) Type() proto.ColumnType {
	if c.server == "" {
		return typeOfJSON
	}
	return c.server
}

// Infer takes the parameters of the server's column.
func (c *jsonText) Infer(server proto.ColumnType) error {
	c.server = ""
	if server.Base() == typeOfJSON {
		c.server = server
	}
	return nil
}

// EncodeState writes the serialization.
func (*jsonText) EncodeState(b *proto.Buffer) { b.PutUInt64(jsonAsString) }

func (c *jsonText) window(from, to int) column {
	return &jsonText{text: *c.text.window(from, to).(*text), server: c.server}
}

// jsonAttributes is a JSON column of attributes, each row's keys sorted.
type jsonAttributes struct {
	jsonText
	orders orders
	// sorted is the attributes of the last row.
	sorted []attribute
	writer jsonWriter
	// paths is a column of the paths in each row, or nil.
	paths *paths
}

func newJSONAttributes(corrected *Corrections) *jsonAttributes {
	return &jsonAttributes{writer: jsonWriter{corrected: corrected}}
}

// Reset empties the column. It keeps the orders of keys that it learnt, and
// nothing else that it was given. Its paths are a column of their own.
func (c *jsonAttributes) Reset() {
	c.text.Reset()
	c.orders.reset()
	clear(c.sorted[:cap(c.sorted)])
	c.sorted = emptied(c.sorted, 4*maxWidth)
	c.writer.reset()
}

func (c *jsonAttributes) append(m pcommon.Map) { c.appendFor(m, 1) }

// appendFor adds one object, and its paths for n rows.
func (c *jsonAttributes) appendFor(m pcommon.Map, n int) {
	c.sort(m)
	object := c.writer.attributes(c.sorted)
	c.buffer = append(appendLength(c.buffer, len(object)), object...)
	c.rows++
	if c.paths != nil {
		c.paths.repeat(c.writer.pathsOf(c.sorted), n)
	}
}

// sort reads the map's attributes in the order of their keys. Of those with the
// same key the last one stays.
func (c *jsonAttributes) sort(m pcommon.Map) {
	c.sorted = c.sorted[:0]
	attributes, known := c.orders.find(m, c.orders.room(m.Len()))
	if known != nil {
		for _, place := range known.places {
			c.sorted = append(c.sorted, attributes[place])
		}
	} else {
		sortByKey(attributes)
		c.sorted = append(c.sorted, attributes...)
	}
	c.sorted = lastOfEach(c.sorted)
}

// repeatedJSON is a JSON column of attributes in which an object stands for many
// rows.
type repeatedJSON struct {
	one  jsonAttributes
	runs runs
	// pending is the map that was set and has no row yet.
	pending    pcommon.Map
	hasPending bool
}

func newRepeatedJSON(corrected *Corrections) *repeatedJSON {
	return &repeatedJSON{one: *newJSONAttributes(corrected)}
}

// Type is JSON, with the parameters of the table's.
func (c *repeatedJSON) Type() proto.ColumnType { return c.one.Type() }

// Infer takes the parameters of the server's column.
func (c *repeatedJSON) Infer(server proto.ColumnType) error { return c.one.Infer(server) }

// Rows is the number of rows.
func (c *repeatedJSON) Rows() int { return c.runs.rows() }

// Reset empties the column, as that of jsonAttributes.
func (c *repeatedJSON) Reset() {
	c.one.Reset()
	c.runs.reset()
	c.pending, c.hasPending = pcommon.Map{}, false
}

// EncodeState writes the serialization.
func (c *repeatedJSON) EncodeState(b *proto.Buffer) { c.one.EncodeState(b) }

// EncodeColumn writes each object as often as it is repeated.
func (c *repeatedJSON) EncodeColumn(b *proto.Buffer) { c.texts().EncodeColumn(b) }

// WriteColumn writes what EncodeColumn writes.
func (c *repeatedJSON) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

// texts is the column as one of strings.
func (c *repeatedJSON) texts() *repeatedText {
	c.one.index()
	return &repeatedText{values: c.one.text, runs: c.runs}
}

func (c *repeatedJSON) set(m pcommon.Map) { c.pending, c.hasPending = m, true }

func (c *repeatedJSON) repeat(n int) {
	if n == 0 {
		return
	}
	if c.hasPending {
		c.one.appendFor(c.pending, n)
		c.pending, c.hasPending = pcommon.Map{}, false
	} else if c.one.paths != nil {
		c.one.paths.again(n)
	}
	c.runs.extend(c.one.Rows()-1, n)
}

func (c *repeatedJSON) size(from, to int) int { return c.texts().size(from, to) }

func (c *repeatedJSON) window(from, to int) column {
	c.one.index()
	part := &repeatedJSON{runs: c.runs.window(from, to)}
	part.one.jsonText = c.one.jsonText
	return part
}

// paths is an Array(LowCardinality(String)) column: the paths of a JSON column,
// sorted, by which an index finds rows.
type paths struct {
	array
	keys *lowCardinality
	// last is how many keys the last row has.
	last int
}

func newPaths() *paths {
	p := &paths{keys: newLowCardinality()}
	p.array = nested(p.keys)[0]
	return p
}

// repeat adds n rows of the same paths.
func (p *paths) repeat(names []string, n int) {
	for _, name := range names {
		p.keys.append(name)
	}
	p.last = len(names)
	p.endRow()
	p.again(n - 1)
}

// again adds n rows of the paths of the last one.
func (p *paths) again(n int) {
	for range n {
		all := p.keys.numbers
		p.keys.numbers = append(all, all[len(all)-p.last:]...)
		p.endRow()
	}
}
