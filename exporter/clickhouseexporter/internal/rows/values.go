// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// appendValue adds the value as pcommon.Value.AsString writes it. Only maps and
// slices, which become JSON, make a string in between.
func appendValue(c *text, value pcommon.Value) {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		c.append(value.Str())
	case pcommon.ValueTypeInt:
		at := c.beginShort()
		c.buffer = strconv.AppendInt(c.buffer, value.Int(), 10)
		c.endShort(at)
	case pcommon.ValueTypeBool:
		c.append(strconv.FormatBool(value.Bool()))
	case pcommon.ValueTypeDouble:
		at := c.beginShort()
		c.buffer = appendDouble(c.buffer, value.Double())
		c.endShort(at)
	case pcommon.ValueTypeBytes:
		c.appendBase64(value.Bytes())
	default:
		c.append(value.AsString())
	}
}

// appendDouble writes a number as JSON generators do: without an exponent from
// 1e-6 up to 1e21, and with no more digits in it than it needs.
func appendDouble(buffer []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(buffer, "NaN"...)
	case math.IsInf(f, 1):
		return append(buffer, "Infinity"...)
	case math.IsInf(f, -1):
		return append(buffer, "-Infinity"...)
	}
	size := math.Abs(f)
	if size == 0 || size >= 1e-6 && size < 1e21 {
		return strconv.AppendFloat(buffer, f, 'f', -1, 64)
	}
	buffer = strconv.AppendFloat(buffer, f, 'e', -1, 64)
	// 1e-09 is 1e-9.
	if n := len(buffer); n >= 4 && buffer[n-4] == 'e' && buffer[n-3] == '-' && buffer[n-2] == '0' {
		buffer[n-2] = buffer[n-1]
		buffer = buffer[:n-1]
	}
	return buffer
}

// beginShort makes room for the length of a string of less than 128 bytes, which is
// written behind it: a number has 32 at most.
func (c *text) beginShort() (at int) {
	c.buffer = append(c.buffer, 0)
	return len(c.buffer)
}

// endShort ends the string that begins there.
func (c *text) endShort(at int) {
	c.buffer[at-1] = byte(len(c.buffer) - at)
	c.rows++
}

// appendBase64 adds the bytes as standard base64.
func (c *text) appendBase64(bytes pcommon.ByteSlice) {
	length := base64.StdEncoding.EncodedLen(bytes.Len())
	c.buffer = appendLength(c.buffer, length)
	// Three bytes are four digits; only the last group may be shorter.
	var group [3]byte
	for i := 0; i < bytes.Len(); i += len(group) {
		n := min(len(group), bytes.Len()-i)
		for j := range n {
			group[j] = bytes.At(i + j)
		}
		c.buffer = base64.StdEncoding.AppendEncode(c.buffer, group[:n])
	}
	c.rows++
}

// appendTraceID adds the ID in lower-case hex, or nothing for none.
func (c *text) appendTraceID(id pcommon.TraceID) {
	if id.IsEmpty() {
		c.append("")
		return
	}
	c.appendHex(id[:])
}

// appendSpanID adds the ID in lower-case hex, or nothing for none.
func (c *text) appendSpanID(id pcommon.SpanID) {
	if id.IsEmpty() {
		c.append("")
		return
	}
	c.appendHex(id[:])
}

// appendHex adds an ID in lower-case hex.
func (c *text) appendHex(id []byte) {
	c.buffer = hex.AppendEncode(appendLength(c.buffer, 2*len(id)), id)
	c.rows++
}
