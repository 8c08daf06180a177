// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
)

// Call is a function and the place in its source at which an instruction stands.
type Call struct {
	// Function is the full name, such as "net/http.(*conn).serve".
	Function string
	// File is the path that the compiler noted; empty where it noted none.
	File string
	Line int
}

// Lines finds the source of machine code in the runtime's function table, which
// survives stripping. It is small, does not change and outlives the Binary: the
// file is handed to it with each question, so that none need be kept open.
type Lines struct {
	header pclnHeader
	table  extent
	// text and end are the link-time addresses of the code.
	text, end uint64
	// data is go:func.*, which tells of inlined calls. Its size is 0 where its
	// place is not proven: inlined calls are then not told.
	data    extent
	quantum uint64 // bytes in which the tables count addresses
}

// extent is a part of the file.
type extent struct{ offset, size uint64 }

const (
	// funcSize is runtime._func (runtime/runtime2.go) without the two arrays that
	// follow it; so since Go 1.20.
	funcSize = 44
	// Numbers of the tables of inlined calls (internal/abi/symtab.go).
	pcdataInlTree, funcdataInlTree = 2, 3
	inlinedCallSize                = 16 // runtime.inlinedCall (runtime/symtabinl.go), since Go 1.20
	// moduleGofunc is the word of runtime.moduledata that points to go:func.*;
	// it stands there from Go 1.20 to 1.26.
	moduleGofunc = 40

	maxInlined    = 64      // calls inlined into each other
	maxValueTable = 1 << 20 // bytes of one table of values by address
)

// linesSince is the first release whose tables Lines reads; gofuncUntil is the
// first one whose module data was not looked at.
var (
	linesSince  = goVersion{major: 1, minor: 20}
	gofuncUntil = goVersion{major: 1, minor: 27}
)

// Lines proves where the tables are from which Calls reads. The error wraps
// ErrUnsupported, ErrTruncated or ErrNotGo.
func (b *Binary) Lines() (*Lines, error) {
	version, err := parseVersion(b.version)
	if err != nil {
		return nil, err
	}
	if version.less(linesSince) {
		return nil, fmt.Errorf("%w: line tables of %s are older than %s", ErrUnsupported, b.version, linesSince)
	}
	return firstTable(b, func(place tablePlace) (*Lines, error) {
		table, module, err := b.openTable(place)
		if err != nil {
			return nil, err
		}
		offset, err := b.image.offset(place.addr)
		if err != nil {
			return nil, err
		}
		lines := &Lines{
			header: table.header, table: extent{offset, place.size},
			text: module.text, end: module.text + table.entry(table.header.functions),
			data: b.functionData(module, version), quantum: 1,
		}
		if b.Machine() == elf.EM_AARCH64 {
			lines.quantum = 4
		}
		return lines, nil
	})
}

// functionData is where go:func.* stands: by symbol, else by the module data.
func (b *Binary) functionData(m module, version goVersion) extent {
	addr := uint64(0)
	if symbol, err := b.Symbol("go:func.*"); err == nil {
		addr = symbol.Addr
	} else if version.less(gofuncUntil) {
		word, err := b.image.readRelocated(m.addr+8*moduleGofunc, 8)
		if err != nil {
			return extent{}
		}
		addr = binary.LittleEndian.Uint64(word)
	}
	segment := b.image.segment(addr, 1)
	if segment == nil {
		return extent{}
	}
	return extent{segment.Off + (addr - segment.Vaddr), segment.Filesz - (addr - segment.Vaddr)}
}

// Text is where the module's code begins and ends, as linked.
func (l *Lines) Text() (begin, end uint64) { return l.text, l.end }

// Contains says whether addr is code of the module.
func (l *Lines) Contains(addr uint64) bool { return addr >= l.text && addr < l.end }

// Calls are the functions that the instruction at a link-time address stands in,
// innermost first: one, and those that were inlined into it. For a return
// address ask for the instruction before it. file is the executable's. The error
// wraps ErrNoFunction or ErrTruncated.
func (l *Lines) Calls(file io.ReaderAt, addr uint64) ([]Call, error) {
	if !l.Contains(addr) {
		return nil, fmt.Errorf("%w: %#x is not in the text", ErrNoFunction, addr)
	}
	t := lineTable{Lines: l, file: file}
	f, err := t.function(addr - l.text)
	if err != nil {
		return nil, fmt.Errorf("lines of %#x: %w", addr, err)
	}
	calls, err := t.calls(f, addr-l.text)
	if err != nil {
		return nil, fmt.Errorf("lines of %#x: %w", addr, err)
	}
	return calls, nil
}

// lineTable reads the tables of one file.
type lineTable struct {
	*Lines
	file io.ReaderAt
}

// lineFunction is what runtime._func tells. Offsets count from the start of the
// text, of the values, and of go:func.*; those of values are 0 where there are none.
type lineFunction struct {
	entry, end         uint64
	name, unit         uint32
	frames             uint32 // of the stack pointer
	files, lines       uint32
	inlined            uint32
	inlinedCalls       uint64
	knowsInlined       bool
	valuesOf, moreData uint32 // lengths of the arrays that follow
}

// read fills b from offset within part.
func (t lineTable) read(part extent, offset uint64, b []byte) error {
	if n := uint64(len(b)); offset > part.size || n > part.size-offset {
		return fmt.Errorf("%w: %d bytes at %#x of a table of %d", ErrTruncated, n, offset, part.size)
	}
	if n, err := t.file.ReadAt(b, int64(part.offset+offset)); n < len(b) {
		return fmt.Errorf("%w: %w", ErrTruncated, err)
	}
	return nil
}

func (t lineTable) uint32(part extent, offset uint64) (uint32, error) {
	var b [4]byte
	err := t.read(part, offset, b[:])
	return binary.LittleEndian.Uint32(b[:]), err
}

// function finds the function around an offset in the text, by bisection.
func (t lineTable) function(target uint64) (lineFunction, error) {
	entry := func(i uint64) (uint64, error) {
		offset, err := t.uint32(t.table, t.header.functab+i*functabEntry)
		return uint64(offset), err
	}
	low, high := uint64(0), t.header.functions
	for low < high { // the first that begins after target
		middle := (low + high) / 2
		at, err := entry(middle)
		if err != nil {
			return lineFunction{}, err
		}
		if at > target {
			high = middle
		} else {
			low = middle + 1
		}
	}
	if low == 0 {
		return lineFunction{}, ErrNoFunction
	}
	end, err := entry(low)
	if err != nil {
		return lineFunction{}, err
	}
	f, err := t.readFunction(low - 1)
	f.end = end
	if err == nil && (f.entry > target || f.end <= target) {
		err = fmt.Errorf("%w: functions are not in order", ErrTruncated)
	}
	return f, err
}

// readFunction reads runtime._func and what the arrays after it tell of inlining.
func (t lineTable) readFunction(number uint64) (lineFunction, error) {
	place, err := t.uint32(t.table, t.header.functab+number*functabEntry+4)
	if err != nil {
		return lineFunction{}, err
	}
	at := t.header.functab + uint64(place)
	var data [funcSize]byte
	if err := t.read(t.table, at, data[:]); err != nil {
		return lineFunction{}, err
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(data[4*i:]) }
	f := lineFunction{
		entry: uint64(word(0)), name: word(1), frames: word(4), files: word(5), lines: word(6),
		valuesOf: word(7), unit: word(8), moreData: uint32(data[funcSize-1]),
	}
	return f, t.readInlining(&f, at+funcSize)
}

func (t lineTable) readInlining(f *lineFunction, arrays uint64) (err error) {
	if f.valuesOf <= pcdataInlTree || f.moreData <= funcdataInlTree || t.data.size == 0 {
		return nil
	}
	if f.inlined, err = t.uint32(t.table, arrays+4*pcdataInlTree); err != nil {
		return err
	}
	offset, err := t.uint32(t.table, arrays+4*uint64(f.valuesOf)+4*funcdataInlTree)
	f.inlinedCalls = uint64(offset)
	f.knowsInlined = f.inlined != 0 && offset != ^uint32(0)
	return err
}

// calls follows inlined calls from the innermost to the function itself, as
// runtime.inlineUnwinder does.
func (t lineTable) calls(f lineFunction, target uint64) ([]Call, error) {
	var calls []Call
	for range maxInlined {
		call, err := t.place(f, target)
		if err != nil {
			return nil, err
		}
		index := int32(-1)
		if f.knowsInlined {
			if index, err = t.value(f.inlined, f, target); err != nil {
				return nil, err
			}
		}
		if index < 0 {
			call.Function, err = t.string(t.header.names + uint64(f.name))
			return append(calls, call), err
		}
		var inlined [inlinedCallSize]byte
		if err := t.read(t.data, f.inlinedCalls+uint64(index)*inlinedCallSize, inlined[:]); err != nil {
			return nil, err
		}
		name, parent := binary.LittleEndian.Uint32(inlined[4:]), binary.LittleEndian.Uint32(inlined[8:])
		if call.Function, err = t.string(t.header.names + uint64(name)); err != nil {
			return nil, err
		}
		if target = f.entry + uint64(parent); target >= f.end {
			return nil, fmt.Errorf("%w: an inlined call outside of its function", ErrTruncated)
		}
		calls = append(calls, call)
	}
	return nil, fmt.Errorf("%w: more than %d inlined calls", ErrUnsupported, maxInlined)
}

// place is file and line of an offset in the text.
func (t lineTable) place(f lineFunction, target uint64) (Call, error) {
	line, err := t.value(f.lines, f, target)
	if err != nil {
		return Call{}, err
	}
	number, err := t.value(f.files, f, target)
	if err != nil || number < 0 {
		return Call{Line: int(max(line, 0))}, err
	}
	file, err := t.uint32(t.table, t.header.units+4*(uint64(f.unit)+uint64(number)))
	if err != nil || file == ^uint32(0) {
		return Call{Line: int(max(line, 0))}, err
	}
	path, err := t.string(t.header.files + uint64(file))
	return Call{File: path, Line: int(max(line, 0))}, err
}

// string reads a zero-terminated text of the table.
func (t lineTable) string(offset uint64) (string, error) {
	for _, n := range []uint64{128, maxName} {
		if offset >= t.table.size {
			break
		}
		b := make([]byte, min(n, t.table.size-offset))
		if err := t.read(t.table, offset, b); err != nil {
			return "", err
		}
		if text := cString(b, 0); text != nil {
			return string(text), nil
		}
	}
	return "", fmt.Errorf("%w: no text at %#x of the function table", ErrTruncated, offset)
}
