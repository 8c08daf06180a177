// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bufio"
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The bounds on debug information, uncompressed. For a 500 MB executable the
// unit with the types takes about 100 MiB.
const (
	maxUnit        = 128 << 20
	maxDebugHelper = 8 << 20 // .debug_abbrev and .debug_addr
	maxDebugInfo   = 1 << 30
	maxUnits       = 1 << 18
	maxCandidates  = 64      // units of package runtime; there are about ten
	unitPeek       = 2 << 10 // enough for a unit's first entry
	namePeek       = 64      // enough for its header and its name, which comes first
)

// Go's linker writes the type entries of all packages into the last compile
// unit of package runtime (movetomodule in cmd/link/internal/ld/dwarf.go). The
// others of that package hold functions; this one names every program's g.
const (
	typeUnit = "runtime"
	typeMark = "runtime.g\x00"
)

// errNoDWARF: the executable has no type information that this package reads.
var errNoDWARF = errors.New("no DWARF type information")

// debugSection finds a section of debug information, which the linker
// compresses by default.
func (img *image) debugSection(name string) *elf.Section {
	s := img.file.Section(".debug_" + name)
	if s == nil || s.Type != elf.SHT_PROGBITS {
		return nil
	}
	return s
}

// readDebug reads a small debug section whole; nil when there is none.
func (img *image) readDebug(name string) ([]byte, error) {
	section := img.debugSection(name)
	if section == nil {
		return nil, nil
	}
	if section.Size > maxDebugHelper {
		return nil, fmt.Errorf("%w: .debug_%s of %d bytes", ErrTruncated, name, section.Size)
	}
	data, err := io.ReadAll(io.LimitReader(section.Open(), maxDebugHelper))
	if err != nil {
		return nil, fmt.Errorf("%w: .debug_%s: %v", ErrTruncated, name, err)
	}
	return data, nil
}

// unit is one compile unit of .debug_info by itself.
type unit struct {
	data  *dwarf.Data
	start dwarf.Offset // where the unit starts in .debug_info: references count from there
}

// unitReader steps through the compile units of .debug_info and keeps only the
// wanted one in memory: the others are read through a buffer.
type unitReader struct {
	info         *bufio.Reader
	at           int64
	units        int
	candidates   int
	abbrev, addr []byte
}

// findTypeUnit returns the compile unit that holds the types.
func (img *image) findTypeUnit() (found *unit, err error) {
	defer func() {
		if p := recover(); p != nil { // debug/dwarf does not promise to survive every malformed file
			found, err = nil, fmt.Errorf("%w: DWARF: %v", ErrTruncated, p)
		}
	}()
	section := img.debugSection("info")
	if section == nil {
		return nil, errNoDWARF
	}
	abbrev, err := img.readDebug("abbrev")
	if err != nil {
		return nil, err
	}
	addr, err := img.readDebug("addr")
	if err != nil {
		return nil, err
	}
	info := bufio.NewReaderSize(io.LimitReader(section.Open(), maxDebugInfo), windowSize)
	units := &unitReader{info: info, abbrev: abbrev, addr: addr}
	for {
		found, err := units.next()
		if errors.Is(err, io.EOF) {
			return nil, errNoDWARF
		}
		if found != nil || err != nil {
			return found, err
		}
	}
}

// next reads one unit; nil when it is not the wanted one, io.EOF after the last.
func (u *unitReader) next() (*unit, error) {
	header, err := u.info.Peek(4)
	if err != nil {
		return nil, io.EOF
	}
	if u.units++; u.units > maxUnits {
		return nil, fmt.Errorf("%w: more than %d DWARF units", ErrUnsupported, maxUnits)
	}
	length := int64(binary.LittleEndian.Uint32(header)) + 4
	if length > maxUnit {
		return nil, fmt.Errorf("%w: DWARF unit of %d bytes", ErrUnsupported, length)
	}
	peek, err := u.info.Peek(int(min(length, unitPeek)))
	if err != nil {
		return nil, fmt.Errorf("%w: DWARF unit at %#x: %v", ErrTruncated, u.at, err)
	}
	start := dwarf.Offset(u.at)
	u.at += length
	if !u.isRuntime(peek) {
		_, err := u.info.Discard(int(length))
		if err != nil {
			return nil, fmt.Errorf("%w: DWARF unit at %#x: %v", ErrTruncated, start, err)
		}
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(u.info, length))
	if err != nil || int64(len(data)) < length {
		return nil, fmt.Errorf("%w: DWARF unit at %#x: %v", ErrTruncated, start, err)
	}
	if !bytes.Contains(data, []byte(typeMark)) {
		return nil, nil
	}
	parsed, err := u.parse(data)
	if err != nil {
		return nil, fmt.Errorf("%w: DWARF unit at %#x: %v", ErrTruncated, start, err)
	}
	return &unit{data: parsed, start: start}, nil
}

// isRuntime reads the first entry of a unit from its first bytes. What cannot
// be read was not written by Go's linker, and is not wanted.
func (u *unitReader) isRuntime(peek []byte) bool {
	name := peek[:min(len(peek), namePeek)]
	if !bytes.Contains(name, []byte(typeUnit+"\x00")) || u.candidates >= maxCandidates {
		return false
	}
	u.candidates++
	head := append([]byte(nil), peek...)
	binary.LittleEndian.PutUint32(head, uint32(len(head)-4))
	data, err := u.parse(head)
	if err != nil {
		return false
	}
	entry, err := data.Reader().Next()
	if err != nil || entry == nil || entry.Tag != dwarf.TagCompileUnit {
		return false
	}
	language, _ := entry.Val(dwarf.AttrLanguage).(int64)
	return entry.Val(dwarf.AttrName) == typeUnit && language == dwarfLanguageGo
}

// dwarfLanguageGo is DW_LANG_Go (DWARF 5, table 7.17).
const dwarfLanguageGo = 0x16

func (u *unitReader) parse(info []byte) (*dwarf.Data, error) {
	data, err := dwarf.New(u.abbrev, nil, nil, info, nil, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	if u.addr != nil {
		err = data.AddSection(".debug_addr", u.addr)
	}
	return data, err
}
