// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sdkspan

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// The types of attribute.Value, of SDK 1.47; older ones have fewer.
const (
	typeEmpty = iota
	typeBool
	typeInt
	typeFloat
	typeString
	typeBools
	typeInts
	typeFloats
	typeStrings
	typeBytes
	typeSlice
	typeMap
)

// maxElements bounds the work for one image, whatever it says: a chunk has no more
// elements than that.
const maxElements = 1 << 14

// decoder reads one image and counts what is missing in it.
type decoder struct {
	image image
	left  int // of maxElements
	cut   Cut
}

// Cut is how much of a span was left out, because it did not fit or could not be
// read.
type Cut struct {
	// Attributes of spans, events, links, scopes and resources; also counted as
	// dropped where OTLP can say so.
	Attributes int
	Events     int
	Links      int
	// Texts and Values that were shortened or are empty instead.
	Texts  int
	Values int
}

// None reports whether everything is there.
func (c Cut) None() bool { return c == Cut{} }

// text reads a string and counts it where it is not whole.
func (d *decoder) text(slot int) string {
	text, whole := d.image.text(slot)
	if !whole {
		d.cut.Texts++
	}
	return text
}

// slice is what the slice at slot holds: where its elements begin, how many were
// copied and how many there are.
func (d *decoder) slice(slot, size int, kind uint32) (at, copied, whole int) {
	length := d.image.word(slot + 8)
	if length == 0 {
		return 0, 0, 0
	}
	whole = int(min(length, math.MaxUint32))
	c, ok := d.image.follow(slot, kind)
	if !ok {
		return 0, 0, whole
	}
	copied, _ = c.elements(size)
	return c.at, d.bounded(min(copied, whole)), whole
}

// array is what the array in the interface at slot holds, likewise.
func (d *decoder) array(slot, size int, kind uint32) (at, copied, whole int) {
	c, ok := d.image.follow(slot+8, kind)
	if !ok {
		if d.image.word(slot) != 0 {
			whole = 1 // of an unknown number
		}
		return 0, 0, whole
	}
	copied, whole = c.elements(size)
	return c.at, d.bounded(min(copied, whole)), whole
}

func (d *decoder) bounded(n int) int {
	n = min(n, d.left)
	d.left -= n
	return n
}

// keyValues writes attributes, the last one of a key at the place of the first, as
// the SDK does. It returns how many were left out.
func (d *decoder) keyValues(into pcommon.Map, at, copied, whole int) (dropped int) {
	into.EnsureCapacity(into.Len() + copied)
	for i := range copied {
		slot := at + i*keyValueSize
		key, ok := d.image.text(slot)
		if !ok { // another one may have the same beginning
			dropped++
			continue
		}
		d.value(into.PutEmpty(key), slot+keyValueValue)
	}
	dropped += whole - copied
	d.cut.Attributes += dropped
	return dropped
}

func (d *decoder) attributes(into pcommon.Map, slot int) (dropped int) {
	at, copied, whole := d.slice(slot, keyValueSize, chunkKeyValues)
	return d.keyValues(into, at, copied, whole)
}

// set writes the attributes of an attribute.Set.
func (d *decoder) set(into pcommon.Map, slot int) {
	at, copied, whole := d.array(slot, keyValueSize, chunkKeyValues)
	d.keyValues(into, at, copied, whole)
}

// value reads an attribute.Value.
func (d *decoder) value(into pcommon.Value, at int) {
	number := d.image.word(at + valueNumber)
	switch d.image.word(at) {
	case typeEmpty:
	case typeBool:
		into.SetBool(number != 0)
	case typeInt:
		into.SetInt(int64(number))
	case typeFloat:
		into.SetDouble(math.Float64frombits(number))
	case typeString:
		into.SetStr(d.text(at + valueText))
	case typeBytes:
		d.bytes(into.SetEmptyBytes(), at+valueText)
	case typeMap:
		start, copied, whole := d.array(at+valueSlice, keyValueSize, chunkKeyValues)
		d.keyValues(into.SetEmptyMap(), start, copied, whole)
	default:
		d.elements(into, at)
	}
}

func (d *decoder) bytes(into pcommon.ByteSlice, slot int) {
	length := d.image.word(slot + 8)
	if length == 0 {
		return
	}
	c, ok := d.image.follow(slot, chunkBytes)
	if ok {
		into.FromRaw(d.image[c.at : c.at+c.bytes])
	}
	if !ok || c.bytes < c.whole {
		d.cut.Values++
	}
}

// elements reads a value that is a slice.
func (d *decoder) elements(into pcommon.Value, at int) {
	size, kind := stringSize, uint32(chunkBytes)
	var read func(into pcommon.Value, at int)
	switch d.image.word(at) {
	case typeBools:
		size, read = 1, func(into pcommon.Value, at int) { into.SetBool(d.image.byte(at) != 0) }
	case typeInts:
		size, read = 8, func(into pcommon.Value, at int) { into.SetInt(int64(d.image.word(at))) }
	case typeFloats:
		size, read = 8, func(into pcommon.Value, at int) { into.SetDouble(math.Float64frombits(d.image.word(at))) }
	case typeStrings:
		kind, read = chunkStrings, func(into pcommon.Value, at int) { into.SetStr(d.text(at)) }
	case typeSlice:
		size, kind, read = valueSize, chunkValues, d.value
	default:
		into.SetStr("INVALID") // as the SDK's exporters say it
		d.cut.Values++
		return
	}
	start, copied, whole := d.array(at+valueSlice, size, kind)
	if copied < whole {
		d.cut.Values++
	}
	values := into.SetEmptySlice()
	values.EnsureCapacity(copied)
	for i := range copied {
		read(values.AppendEmpty(), start+i*size)
	}
}
