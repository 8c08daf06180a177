// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The magic numbers of the function table's headers (internal/abi/symtab.go):
// Go 1.18 and 1.19, Go 1.20 and later. The two layouts are the same.
const (
	magicGo118 = 0xfffffff0
	magicGo120 = 0xfffffff1
)

const (
	pclnHeaderSize = 8 + 8*8
	functabEntry   = 8       // entry offset uint32, function data offset uint32
	maxFunctions   = 1 << 22 // the largest known executables have 1<<20
)

// pclnHeader is runtime.pcHeader (runtime/symtab.go) as far as function names
// addresses and lines need it. Offsets count from the start of the table. The field
// textStart is left out: Go 1.26 no longer fills it, and in a
// position-independent executable it is not in the file.
type pclnHeader struct {
	functions uint64
	names     uint64 // funcnametab
	units     uint64 // cutab
	files     uint64 // filetab
	values    uint64 // pctab
	functab   uint64 // pclntable, which starts with the functab
}

func parsePclnHeader(data []byte) (pclnHeader, error) {
	if len(data) < pclnHeaderSize {
		return pclnHeader{}, fmt.Errorf("%w: function table of %d bytes", ErrTruncated, len(data))
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(data[8+8*i:]) }
	magic := binary.LittleEndian.Uint32(data)
	if magic != magicGo118 && magic != magicGo120 || data[4] != 0 || data[5] != 0 {
		return pclnHeader{}, fmt.Errorf("%w: function table with magic %#x", ErrUnsupported, magic)
	}
	if data[7] != 8 {
		return pclnHeader{}, fmt.Errorf("%w: function table with pointers of %d bytes", ErrUnsupported, data[7])
	}
	return pclnHeader{
		functions: word(0), names: word(3), units: word(4), files: word(5), values: word(6), functab: word(7),
	}, nil
}

// pclntab is a function table: the functions of the module in address order.
type pclntab struct {
	reader  io.ReaderAt
	size    uint64
	header  pclnHeader
	offsets []byte // the functab: (entry, data) pairs of uint32, and the end of the last function
}

func openPclntab(r io.ReaderAt, size uint64) (*pclntab, error) {
	start := make([]byte, pclnHeaderSize)
	if n, err := r.ReadAt(start, 0); n < len(start) {
		return nil, fmt.Errorf("%w: function table: %v", ErrTruncated, err)
	}
	header, err := parsePclnHeader(start)
	if err != nil {
		return nil, err
	}
	length := header.functions*functabEntry + functabEntry/2
	if header.functions == 0 || header.functions > maxFunctions ||
		header.names >= size || header.functab >= size || length > size-header.functab {
		return nil, fmt.Errorf("%w: function table of %d bytes with %d functions", ErrTruncated, size, header.functions)
	}
	table := &pclntab{reader: r, size: size, header: header, offsets: make([]byte, length)}
	if n, err := r.ReadAt(table.offsets, int64(header.functab)); n < len(table.offsets) {
		return nil, fmt.Errorf("%w: function table: %v", ErrTruncated, err)
	}
	return table, nil
}

// entry is the offset of function i from the start of the text; for
// i == functions the end of the last one.
func (t *pclntab) entry(i uint64) uint64 {
	return uint64(binary.LittleEndian.Uint32(t.offsets[i*functabEntry:]))
}

// nameOffset is the place of function i's name in the table. Function data
// begins with entryOff uint32, nameOff int32 (runtime._func, runtime/runtime2.go).
func (t *pclntab) nameOffset(r io.ReaderAt, i uint64) (uint64, error) {
	at := t.header.functab + uint64(binary.LittleEndian.Uint32(t.offsets[i*functabEntry+4:]))
	var data [8]byte
	if n, err := r.ReadAt(data[:], int64(at)); n < len(data) {
		return 0, fmt.Errorf("%w: data of function %d: %v", ErrTruncated, i, err)
	}
	if entry := uint64(binary.LittleEndian.Uint32(data[:])); entry != t.entry(i) {
		return 0, fmt.Errorf("%w: function %d starts at %#x and at %#x", ErrTruncated, i, t.entry(i), entry)
	}
	offset := t.header.names + uint64(binary.LittleEndian.Uint32(data[4:]))
	if offset >= t.size {
		return 0, fmt.Errorf("%w: name of function %d", ErrTruncated, i)
	}
	return offset, nil
}

// index reads every name once.
func (t *pclntab) index() (*nameIndex, error) {
	index := newNameIndex(int(t.header.functions))
	data, names := newWindow(t.reader), newWindow(t.reader)
	for i := range t.header.functions {
		if t.entry(i) > t.entry(i+1) {
			return nil, fmt.Errorf("%w: function %d ends before it starts", ErrTruncated, i)
		}
		offset, err := t.nameOffset(data, i)
		if err != nil {
			return nil, err
		}
		name, err := names.cString(int64(offset))
		if err != nil {
			return nil, fmt.Errorf("%w: name of function %d: %v", ErrTruncated, i, err)
		}
		if err := index.add(name, uint32(i)); err != nil {
			return nil, err
		}
	}
	index.sort()
	return index, nil
}

// find is the number of the one function with that name.
func (t *pclntab) find(index *nameIndex, name string) (uint64, error) {
	var found uint64
	var count int
	for _, candidate := range index.candidates(name) {
		offset, err := t.nameOffset(t.reader, uint64(candidate.number))
		if err != nil {
			return 0, err
		}
		if nameAt(t.reader, int64(offset), name) {
			found = uint64(candidate.number)
			count++
		}
	}
	switch count {
	case 0:
		return 0, fmt.Errorf("not in the function table")
	case 1:
		return found, nil
	default:
		return 0, fmt.Errorf("%d functions have this name", count)
	}
}
