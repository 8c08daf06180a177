// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"iter"
	"math"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pprofile"
)

// symbols is the tables that profiles refer to by index. An index 0 is a table's
// zero value, whether the table has it or not.
type symbols struct {
	pprofile.ProfilesDictionary
	corrected *Corrections
}

// leads reports whether an index leads into a table of that length.
func (s *symbols) leads(index int32, length int) bool {
	if index >= 0 && int(index) < length {
		return true
	}
	if index != 0 {
		s.corrected[IndexOutOfRange]++
	}
	return false
}

func (s *symbols) text(index int32) string {
	if !s.leads(index, s.StringTable().Len()) {
		return ""
	}
	return s.StringTable().At(int(index))
}

func (s *symbols) attributes(indices pcommon.Int32Slice) pcommon.Map {
	m := pcommon.NewMap()
	m.EnsureCapacity(indices.Len())
	for _, index := range indices.All() {
		if s.leads(index, s.AttributeTable().Len()) {
			attribute := s.AttributeTable().At(int(index))
			attribute.Value().CopyTo(m.PutEmpty(s.text(attribute.KeyStrindex())))
		}
	}
	return m
}

// link is none at index 0, whatever the table has there.
func (s *symbols) link(index int32) (pcommon.TraceID, pcommon.SpanID) {
	if !s.leads(index, s.LinkTable().Len()) || index == 0 {
		return pcommon.TraceID{}, pcommon.SpanID{}
	}
	link := s.LinkTable().At(int(index))
	return link.TraceID(), link.SpanID()
}

// function is the name and file of a function.
func (s *symbols) function(index int32) (name, file string) {
	if !s.leads(index, s.FunctionTable().Len()) {
		return "", ""
	}
	function := s.FunctionTable().At(int(index))
	return s.text(function.NameStrindex()), s.text(function.FilenameStrindex())
}

// mapping is the file of a mapping.
func (s *symbols) mapping(index int32) string {
	if !s.leads(index, s.MappingTable().Len()) {
		return ""
	}
	return s.text(s.MappingTable().At(int(index)).FilenameStrindex())
}

// frames is the columns of the frames of stacks, the leaf first: an array each,
// of the same length in a row. Calls that were inlined are frames of their own.
type frames struct {
	addresses uint64s
	functions *lowCardinality
	files     *lowCardinality
	lines     int32s
	mappings  *lowCardinality

	arrays []array
	hash   *xxhash.Digest
}

func newFrames() *frames {
	f := &frames{
		functions: newLowCardinality(), files: newLowCardinality(), mappings: newLowCardinality(), hash: xxhash.New(),
	}
	f.arrays = nested(&f.addresses, f.functions, f.files, &f.lines, f.mappings)
	return f
}

func (f *frames) input() proto.Input {
	return proto.Input{
		{Name: "Addresses", Data: &f.arrays[0]},
		{Name: "FunctionNames", Data: &f.arrays[1]},
		{Name: "FileNames", Data: &f.arrays[2]},
		{Name: "LineNumbers", Data: &f.arrays[3]},
		{Name: "MappingFileNames", Data: &f.arrays[4]},
	}
}

// append adds the frames of a stack and returns the hash of their functions and
// files, 0 where there is no such stack: the xxHash of contrib's exporter v0.161.0
// (exporter_profiles.go, appendFrame).
func (f *frames) append(from *symbols, stack int32) uint64 {
	defer f.arrays[0].endRow()
	if !from.leads(stack, from.StackTable().Len()) {
		return 0
	}
	f.hash.Reset()
	for _, index := range from.StackTable().At(int(stack)).LocationIndices().All() {
		if !from.leads(index, from.LocationTable().Len()) {
			continue
		}
		location := from.LocationTable().At(int(index))
		mapping := from.mapping(location.MappingIndex())
		if location.Lines().Len() == 0 {
			f.frame(location.Address(), "", "", 0, mapping)
		}
		for _, line := range location.Lines().All() {
			name, file := from.function(line.FunctionIndex())
			f.frame(location.Address(), name, file, lineNumber(line.Line(), from.corrected), mapping)
		}
	}
	return f.hash.Sum64()
}

func (f *frames) frame(address uint64, function, file string, line int32, mapping string) {
	f.addresses.append(address)
	f.functions.append(function)
	f.files.append(file)
	f.lines.append(line)
	f.mappings.append(mapping)
	for _, part := range [...]string{function, "\x00", file, "\x00"} {
		_, _ = f.hash.WriteString(part) // it never fails
	}
}

// lineNumber is the line, or 0 where an Int32 cannot hold it.
func lineNumber(line int64, corrected *Corrections) int32 {
	if line < math.MinInt32 || line > math.MaxInt32 {
		corrected[LineOutOfRange]++
		return 0
	}
	return int32(line)
}

// numberArray is an Array column of numbers.
type numberArray[C interface {
	~[]E
	proto.ColInput
}, E any] struct {
	array
	numbers scalars[C, E]
}

func newNumberArray[C interface {
	~[]E
	proto.ColInput
}, E any]() *numberArray[C, E] {
	c := new(numberArray[C, E])
	c.array = nested(&c.numbers)[0]
	return c
}

// append adds one row.
func (c *numberArray[C, E]) append(numbers iter.Seq2[int, E]) {
	for _, number := range numbers {
		c.numbers.append(number)
	}
	c.endRow()
}
