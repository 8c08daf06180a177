// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pprofile"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
)

// Kinds of frames, by the semantic conventions.
const (
	frameGo     = "go"
	frameNative = "native"
)

// dictionary is what profiles refer to by number. The first entry of each table
// is empty, as the protocol wants it (profiles.proto, ProfilesDictionary).
type dictionary struct {
	tables     pprofile.ProfilesDictionary
	strings    map[string]int32
	functions  map[function]int32
	mappings   map[mapping]int32
	locations  map[location]int32
	attributes map[attribute]int32
	links      map[link]int32
}

type (
	function struct{ name, file int32 }
	mapping  struct {
		file       int32
		begin, end uint64
	}
	location struct {
		place   *profile.Place
		mapping int32
	}
	// attribute has a text, or a number where the text is empty.
	attribute struct {
		key, text string
		number    int64
	}
	link struct {
		trace pcommon.TraceID
		span  pcommon.SpanID
	}
)

func newDictionary(tables pprofile.ProfilesDictionary) *dictionary {
	tables.StringTable().Append("")
	tables.FunctionTable().AppendEmpty()
	tables.MappingTable().AppendEmpty()
	tables.LocationTable().AppendEmpty()
	tables.AttributeTable().AppendEmpty()
	tables.LinkTable().AppendEmpty()
	tables.StackTable().AppendEmpty()
	return &dictionary{
		tables:     tables,
		strings:    map[string]int32{"": 0},
		functions:  make(map[function]int32),
		mappings:   make(map[mapping]int32),
		locations:  make(map[location]int32),
		attributes: make(map[attribute]int32),
		links:      map[link]int32{{}: 0},
	}
}

// number is that of a key in its table, where add puts it if it is new.
func number[K comparable](known map[K]int32, key K, length func() int, add func()) int32 {
	at, ok := known[key]
	if !ok {
		at = int32(length())
		known[key] = at
		add()
	}
	return at
}

func (d *dictionary) text(s string) int32 {
	table := d.tables.StringTable()
	return number(d.strings, s, table.Len, func() { table.Append(s) })
}

func (d *dictionary) function(call goexec.Call) int32 {
	key := function{d.text(call.Function), d.text(call.File)}
	table := d.tables.FunctionTable()
	return number(d.functions, key, table.Len, func() {
		made := table.AppendEmpty()
		made.SetNameStrindex(key.name)
		made.SetSystemNameStrindex(key.name)
		made.SetFilenameStrindex(key.file)
	})
}

func (d *dictionary) mapping(executable string, begin, end uint64) int32 {
	key := mapping{d.text(executable), begin, end}
	table := d.tables.MappingTable()
	return number(d.mappings, key, table.Len, func() {
		made := table.AppendEmpty()
		made.SetFilenameStrindex(key.file)
		made.SetMemoryStart(begin)
		made.SetMemoryLimit(end)
	})
}

// location of an instruction of the mapping; one that is not Go's has none.
func (d *dictionary) location(place *profile.Place, mapping int32) int32 {
	kind := frameGo
	if len(place.Calls) == 0 {
		mapping, kind = 0, frameNative
	}
	table := d.tables.LocationTable()
	return number(d.locations, location{place, mapping}, table.Len, func() {
		made := table.AppendEmpty()
		made.SetMappingIndex(mapping)
		made.SetAddress(place.Address)
		made.AttributeIndices().Append(d.attribute(attribute{key: events.FrameType, text: kind}))
		for _, call := range place.Calls {
			line := made.Lines().AppendEmpty()
			line.SetFunctionIndex(d.function(call))
			line.SetLine(int64(call.Line))
		}
	})
}

// stack is a new one in any case.
func (d *dictionary) stack(places []*profile.Place, mapping int32) int32 {
	if len(places) == 0 {
		return 0
	}
	table := d.tables.StackTable()
	at := int32(table.Len())
	indices := table.AppendEmpty().LocationIndices()
	indices.EnsureCapacity(len(places))
	for _, place := range places {
		indices.Append(d.location(place, mapping))
	}
	return at
}

func (d *dictionary) attribute(a attribute) int32 {
	table := d.tables.AttributeTable()
	return number(d.attributes, a, table.Len, func() {
		made := table.AppendEmpty()
		made.SetKeyStrindex(d.text(a.key))
		if a.text != "" {
			made.Value().SetStr(a.text)
		} else {
			made.Value().SetInt(a.number)
		}
	})
}

func (d *dictionary) link(trace pcommon.TraceID, span pcommon.SpanID) int32 {
	table := d.tables.LinkTable()
	return number(d.links, link{trace, span}, table.Len, func() {
		made := table.AppendEmpty()
		made.SetTraceID(trace)
		made.SetSpanID(span)
	})
}
