// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package native

import "fmt"

// layout is how the values of one type lie in a block: first the prefixes of
// all nested types, once a column, then the data.
type layout interface {
	prefix(c *copier) error
	data(c *copier, rows uint64) error
}

// fixedWidth is a type whose values have this many bytes.
type fixedWidth uint64

func (fixedWidth) prefix(*copier) error { return nil }

func (w fixedWidth) data(c *copier, rows uint64) error { return c.fixed(rows, uint64(w)) }

// text is String: each value has its length before it.
type text struct{}

func (text) prefix(*copier) error { return nil }

func (text) data(c *copier, rows uint64) error { return c.texts(rows) }

// nullable is a byte a row that says whether the value is NULL, then all
// values.
type nullable struct{ of layout }

func (n nullable) prefix(c *copier) error { return n.of.prefix(c) }

func (n nullable) data(c *copier, rows uint64) error {
	if err := c.bytes(rows); err != nil {
		return err
	}
	return n.of.data(c, rows)
}

// array is the end of each row's elements, then all elements.
type array struct{ of layout }

func (a array) prefix(c *copier) error { return a.of.prefix(c) }

func (a array) data(c *copier, rows uint64) error {
	elements, err := c.offsets(rows)
	if err != nil {
		return err
	}
	return a.of.data(c, elements)
}

// tuple is its elements, column after column.
type tuple []layout

func (t tuple) prefix(c *copier) error {
	for _, element := range t {
		if err := element.prefix(c); err != nil {
			return err
		}
	}
	return nil
}

func (t tuple) data(c *copier, rows uint64) error {
	if len(t) == 0 {
		return c.bytes(rows)
	}
	for _, element := range t {
		if err := element.data(c, rows); err != nil {
			return err
		}
	}
	return nil
}

// lowCardinality is a dictionary and an index into it a row
// (SerializationLowCardinality.cpp).
type lowCardinality struct{ dictionary layout }

const (
	lowCardinalityVersion   = 1
	hasAdditionalKeys       = 1 << 9
	needsGlobalDictionary   = 1 << 8
	maxLowCardinalityKeyLog = 3 // UInt64
)

func (lowCardinality) prefix(c *copier) error {
	version, err := c.uint64()
	if err != nil {
		return err
	}
	if version != lowCardinalityVersion {
		return fmt.Errorf("a LowCardinality column has version %d, not %d", version, lowCardinalityVersion)
	}
	return nil
}

func (l lowCardinality) data(c *copier, rows uint64) error {
	for rows > 0 {
		indexed, err := l.run(c)
		if err != nil {
			return err
		}
		if indexed == 0 || indexed > rows {
			return fmt.Errorf("a LowCardinality column has %d keys where %d rows are left", indexed, rows)
		}
		rows -= indexed
	}
	return nil
}

// run copies one dictionary with the indexes that use it and returns how many
// rows they are.
func (l lowCardinality) run(c *copier) (uint64, error) {
	flags, err := c.uint64()
	if err != nil {
		return 0, err
	}
	width := flags & 0xff
	if width > maxLowCardinalityKeyLog || flags&needsGlobalDictionary != 0 || flags&hasAdditionalKeys == 0 {
		return 0, fmt.Errorf("a LowCardinality column has flags %#x that the Native format does not use", flags)
	}
	keys, err := c.uint64()
	if err != nil {
		return 0, err
	}
	if err := l.dictionary.data(c, keys); err != nil {
		return 0, err
	}
	indexed, err := c.uint64()
	if err != nil {
		return 0, err
	}
	return indexed, c.fixed(indexed, 1<<width)
}

// jsonText is the JSON type serialized as strings, the only form of it whose
// end can be seen without the types of its paths.
type jsonText struct{}

const jsonAsText = 1

func (jsonText) prefix(c *copier) error {
	version, err := c.uint64()
	if err != nil {
		return err
	}
	if version != jsonAsText {
		return fmt.Errorf("JSON comes in serialization %d; only %d (strings) is supported: set output_format_native_write_json_as_string=1", version, jsonAsText)
	}
	return nil
}

func (jsonText) data(c *copier, rows uint64) error { return c.texts(rows) }
