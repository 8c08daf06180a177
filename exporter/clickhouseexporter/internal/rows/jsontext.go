// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// jsonWriter writes attributes as JSON: the text that encoding/json makes of
// pcommon.Map.AsRaw, but for what has no JSON or what a JSON column refuses. It
// refers to nothing of what it was given.
type jsonWriter struct {
	corrected *Corrections
	buffer    []byte
	names     []string
}

func (w *jsonWriter) reset() {
	w.buffer = emptied(w.buffer, 1)
	clear(w.names[:cap(w.names)])
	w.names = emptied(w.names, 2*maxWidth)
}

// lastOfEach leaves the last of the attributes with the same key: they are
// sorted, equal ones in the order in which they came.
func lastOfEach(sorted []attribute) []attribute {
	kept := sorted[:0]
	for i, each := range sorted {
		if i+1 < len(sorted) && sorted[i+1].key == each.key {
			continue
		}
		kept = append(kept, each)
	}
	return kept
}

// sortedOf is a map's attributes in the order of their keys.
func sortedOf(m pcommon.Map) []attribute {
	all := make([]attribute, 0, m.Len())
	for key, value := range m.All() {
		all = append(all, attribute{key, value})
	}
	slices.SortStableFunc(all, func(a, b attribute) int { return strings.Compare(a.key, b.key) })
	return lastOfEach(all)
}

// attributes is the text of sorted attributes, valid until the next call.
func (w *jsonWriter) attributes(sorted []attribute) []byte {
	w.buffer = w.buffer[:0]
	var taken *scope
	if mayCollide(sorted) {
		taken = newScope()
	}
	w.object(sorted, taken)
	return w.buffer
}

// mayCollide reports whether two of the attributes may have the same path in a
// JSON column: {"a": {"b": 1}, "a.b": 2} has a.b twice, and so have keys that
// differ only in bytes that are not UTF-8.
func mayCollide(sorted []attribute) bool {
	return slices.ContainsFunc(sorted, func(a attribute) bool {
		return a.value.Type() == pcommon.ValueTypeMap || !utf8.ValidString(a.key)
	})
}

// scope is the paths that an object has so far. ClickHouse refuses a row in which
// one comes twice; the first stays.
type scope struct {
	path  []byte
	taken map[string]struct{}
}

func newScope() *scope { return &scope{taken: map[string]struct{}{}} }

// enter adds a key to the path, and returns the length to leave it with.
func (s *scope) enter(key string) int {
	length := len(s.path)
	if length > 0 {
		s.path = append(s.path, '.')
	}
	s.path = appendJSONContent(s.path, key)
	return length
}

// takes reports whether the path is free for a value, and takes it. Nulls have
// no path of their own, nor have objects.
func (s *scope) takes(value pcommon.Value) bool {
	if value.Type() == pcommon.ValueTypeMap || value.Type() == pcommon.ValueTypeEmpty {
		return true
	}
	if _, taken := s.taken[string(s.path)]; taken {
		return false
	}
	s.taken[string(s.path)] = struct{}{}
	return true
}

// object writes sorted attributes, those whose paths are free where there is a
// scope.
func (w *jsonWriter) object(sorted []attribute, in *scope) {
	w.buffer = append(w.buffer, '{')
	first := true
	for _, each := range sorted {
		left := 0
		if in != nil {
			left = in.enter(each.key)
		}
		if in == nil || in.takes(each.value) {
			if !first {
				w.buffer = append(w.buffer, ',')
			}
			first = false
			w.buffer = append(appendJSONString(w.buffer, each.key), ':')
			w.value(each.value, in)
		} else {
			w.corrected[DuplicatePath]++
		}
		if in != nil {
			in.path = in.path[:left]
		}
	}
	w.buffer = append(w.buffer, '}')
}

func (w *jsonWriter) value(value pcommon.Value, in *scope) {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		w.buffer = appendJSONString(w.buffer, value.Str())
	case pcommon.ValueTypeInt:
		w.buffer = strconv.AppendInt(w.buffer, value.Int(), 10)
	case pcommon.ValueTypeBool:
		w.buffer = strconv.AppendBool(w.buffer, value.Bool())
	case pcommon.ValueTypeDouble:
		w.double(value.Double())
	case pcommon.ValueTypeBytes:
		w.bytes(value.Bytes())
	case pcommon.ValueTypeMap:
		if in == nil { // in a slice
			in = newScope()
		}
		w.object(sortedOf(value.Map()), in)
	case pcommon.ValueTypeSlice:
		w.slice(value.Slice())
	default:
		w.buffer = append(w.buffer, "null"...)
	}
}

// double writes a number; those that JSON does not have become strings.
func (w *jsonWriter) double(f float64) {
	if !math.IsNaN(f) && !math.IsInf(f, 0) {
		w.buffer = appendDouble(w.buffer, f)
		return
	}
	w.corrected[NumberNotInJSON]++
	w.buffer = append(appendDouble(append(w.buffer, '"'), f), '"')
}

// bytes writes base64, or null for none, as encoding/json does of AsRaw.
func (w *jsonWriter) bytes(bytes pcommon.ByteSlice) {
	if bytes.Len() == 0 {
		w.buffer = append(w.buffer, "null"...)
		return
	}
	w.buffer = append(w.buffer, '"')
	w.buffer = base64.StdEncoding.AppendEncode(w.buffer, bytes.AsRaw())
	w.buffer = append(w.buffer, '"')
}

// slice writes an array. The objects in it have paths of their own.
func (w *jsonWriter) slice(slice pcommon.Slice) {
	w.buffer = append(w.buffer, '[')
	for i := range slice.Len() {
		if i > 0 {
			w.buffer = append(w.buffer, ',')
		}
		w.value(slice.At(i), nil)
	}
	w.buffer = append(w.buffer, ']')
}

// pathsOf is the paths of sorted attributes, sorted, each once; valid until the
// next call.
func (w *jsonWriter) pathsOf(sorted []attribute) []string {
	w.names = appendPaths(w.names[:0], "", sorted)
	slices.Sort(w.names)
	w.names = slices.Compact(w.names)
	return w.names
}

func appendPaths(names []string, prefix string, attributes []attribute) []string {
	for _, each := range attributes {
		path := prefix + each.key
		if each.value.Type() == pcommon.ValueTypeMap {
			inner := ""
			if path != "" {
				inner = path + "."
			}
			names = appendPaths(names, inner, sortedOf(each.value.Map()))
			continue
		}
		names = append(names, path)
	}
	return names
}

const hexDigits = "0123456789abcdef"

// appendJSONString writes a string as encoding/json does with its default of
// escaping HTML. Source: Go, src/encoding/json/encode.go, appendString.
func appendJSONString(buffer []byte, s string) []byte {
	return append(appendJSONContent(append(buffer, '"'), s), '"')
}

// appendJSONContent is appendJSONString without the quotes.
func appendJSONContent(buffer []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		if b := s[i]; b < utf8.RuneSelf {
			if plain(b) {
				i++
				continue
			}
			buffer = appendEscaped(append(buffer, s[start:i]...), b)
			i++
			start = i
			continue
		}
		r, width := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && width == 1:
			buffer = append(append(buffer, s[start:i]...), `\ufffd`...)
			start = i + width
		case r == '\u2028' || r == '\u2029':
			buffer = append(append(buffer, s[start:i]...), `\u202`...)
			buffer = append(buffer, hexDigits[r&0xf])
			start = i + width
		}
		i += width
	}
	return append(buffer, s[start:]...)
}

// plain reports whether an ASCII character stands for itself.
func plain(b byte) bool {
	return b >= ' ' && b != '"' && b != '\\' && b != '<' && b != '>' && b != '&'
}

func appendEscaped(buffer []byte, b byte) []byte {
	switch b {
	case '\\', '"':
		return append(buffer, '\\', b)
	case '\b':
		return append(buffer, '\\', 'b')
	case '\f':
		return append(buffer, '\\', 'f')
	case '\n':
		return append(buffer, '\\', 'n')
	case '\r':
		return append(buffer, '\\', 'r')
	case '\t':
		return append(buffer, '\\', 't')
	default:
		return append(buffer, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&0xf])
	}
}
