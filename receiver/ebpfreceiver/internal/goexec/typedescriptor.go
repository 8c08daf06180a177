// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// descriptorRoot says how the descriptor of a struct type is found: through the
// function that allocates one, by the fields that it must have.
type descriptorRoot struct {
	function string
	marks    []string
}

// Of the response writer of an HTTP/2 server, and of its state.
var (
	writerMarks = []string{"rws"}
	stateMarks  = []string{"stream", "req", "conn", "bw", "status"}
)

// descriptorRoots are structs that live on the heap: their type descriptors,
// which the collector reads, survive stripping.
var descriptorRoots = map[string]descriptorRoot{
	"runtime.g": {"runtime.malg", []string{"goid", "atomicstatus", "waitreason", "sched"}},
	"runtime.m": {"runtime.allocm", []string{"g0", "curg", "alllink", "schedlink"}},
	"runtime.p": {"runtime.procresize", []string{"status", "runqhead", "runqtail", "mcache"}},

	"net/http.http2responseWriter":      {"net/http.(*http2serverConn).newResponseWriter", writerMarks},
	"net/http.http2responseWriterState": {"net/http.(*http2serverConn).newResponseWriter", stateMarks},

	"net/http/internal/http2.responseWriter":      {"net/http/internal/http2.(*serverConn).newResponseWriter", writerMarks},
	"net/http/internal/http2.responseWriterState": {"net/http/internal/http2.(*serverConn).newResponseWriter", stateMarks},
	"net/http/internal/http2.ServerRequest": {"net/http/internal/http2.(*serverConn).newWriterAndRequestNoBody",
		[]string{"Method", "URL", "Header", "RequestURI"}},

	"golang.org/x/net/http2.responseWriter":      {"golang.org/x/net/http2.(*serverConn).newResponseWriter", writerMarks},
	"golang.org/x/net/http2.responseWriterState": {"golang.org/x/net/http2.(*serverConn).newResponseWriter", stateMarks},
}

// The layout of type descriptors (internal/abi/type.go), which has been the same
// since Go 1.18: abi.Type, then of abi.StructType the package and the fields.
const (
	descriptorKind     = 23 // uint8, of which the low five bits are the kind
	descriptorFields   = 56 // pointer, length, capacity
	descriptorSize     = 80
	descriptorField    = 24 // name, type, offset
	kindMask           = 1<<5 - 1
	kindInterface      = 20
	kindStruct         = 25
	maxDescribedFields = 1 << 10
	maxDescribed       = 1 << 20 // bytes; runtime.p takes 16 KiB
)

// memory is what an executable becomes when it is loaded; *image is.
type memory interface {
	read(addr, n uint64) ([]byte, error)
	readRelocated(addr, n uint64) ([]byte, error)
}

// maxDescriptors bounds the descriptors of structs that are read of one
// executable: where it is position-independent, each costs a look at all
// relocations. A normal one has about twenty that are looked at.
const maxDescriptors = 128

// descriptors finds struct types in the executable's own type descriptors.
type descriptors struct {
	binary *Binary
	found  map[string]structType
	left   int // of maxDescriptors
}

func (b *Binary) descriptors() *descriptors {
	if b.described == nil {
		b.described = &descriptors{binary: b, found: make(map[string]structType), left: maxDescriptors}
	}
	return b.described
}

// find reads the struct with that name, if it is one of descriptorRoots.
func (d *descriptors) find(name string) (structType, error) {
	if known, ok := d.found[name]; ok {
		return known, nil
	}
	root, ok := descriptorRoots[name]
	if !ok {
		return structType{}, fmt.Errorf("type %s has no descriptor that is searched for", name)
	}
	if d.binary.Machine() != elf.EM_X86_64 {
		return structType{}, fmt.Errorf("%w: code of %v is not searched", ErrUnsupported, d.binary.Machine())
	}
	references, err := d.binary.references(root.function)
	if err != nil {
		return structType{}, err
	}
	matches := map[uint64]structType{} // by address
	for target, access := range accessesOf(references) {
		if len(access.sizes) > 0 || access.exchanged {
			continue
		}
		if described, ok := d.match(target, root.marks); ok {
			matches[target] = described
		}
	}
	if len(matches) != 1 {
		return structType{}, fmt.Errorf("%s refers to %d descriptors of %s", root.function, len(matches), name)
	}
	for _, described := range matches {
		d.found[name] = described
	}
	return d.found[name], nil
}

// match reads the struct whose descriptor stands at addr, if it has all marks:
// itself, or, where it only pads another one, that at its start.
func (d *descriptors) match(addr uint64, marks []string) (structType, bool) {
	described, err := d.read(addr)
	if err != nil {
		return structType{}, false
	}
	if described.has(marks) {
		return described, true
	}
	for _, m := range described.members {
		if m.offset == 0 {
			inner, err := d.read(m.descriptor)
			if err == nil && inner.has(marks) {
				return inner, true
			}
		}
	}
	return structType{}, false
}

// nested reads the struct that a member's type is.
func (d *descriptors) nested(m member) (structType, error) {
	return d.read(m.descriptor)
}

// read reads one, unless too many were.
func (d *descriptors) read(addr uint64) (structType, error) {
	count, err := describedFields(d.binary.image, addr)
	if err != nil {
		return structType{}, err
	}
	if d.left--; d.left < 0 {
		return structType{}, fmt.Errorf("%w: more than %d type descriptors", ErrUnsupported, maxDescriptors)
	}
	return readDescriptor(d.binary.image, addr, count)
}

func (s structType) has(names []string) bool {
	for _, name := range names {
		if _, ok := s.members[name]; !ok {
			return false
		}
	}
	return true
}

// describedFields is the number of fields of the struct whose descriptor stands
// at addr, if one does. For this much nothing is relocated.
func describedFields(from memory, addr uint64) (uint64, error) {
	head, err := from.read(addr, descriptorSize)
	if err != nil {
		return 0, err
	}
	size, count := binary.LittleEndian.Uint64(head), binary.LittleEndian.Uint64(head[descriptorFields+8:])
	if head[descriptorKind]&kindMask != kindStruct || size > maxDescribed || count > maxDescribedFields {
		return 0, fmt.Errorf("%w: no struct is described at %#x", ErrUnsupported, addr)
	}
	return count, nil
}

// readDescriptor reads a struct type of count fields from its descriptor.
func readDescriptor(from memory, addr, count uint64) (structType, error) {
	head, err := from.readRelocated(addr, descriptorSize)
	if err != nil {
		return structType{}, err
	}
	size := binary.LittleEndian.Uint64(head)
	fields, err := from.readRelocated(binary.LittleEndian.Uint64(head[descriptorFields:]), count*descriptorField)
	if err != nil {
		return structType{}, err
	}
	described := structType{size: size, members: make(map[string]member, count)}
	for ; len(fields) > 0; fields = fields[descriptorField:] {
		word := func(i int) uint64 { return binary.LittleEndian.Uint64(fields[8*i:]) }
		name, err := readName(from, word(0))
		if err != nil {
			return structType{}, err
		}
		if word(2) > size {
			return structType{}, fmt.Errorf("%w: field %s at %d of %d bytes", ErrTruncated, name, word(2), size)
		}
		described.members[name] = member{offset: word(2), descriptor: word(1)}
	}
	return described, nil
}

// readName reads an abi.Name: flags, the length as a variable-length number, of
// which one byte is enough for the runtime's names, and the name.
func readName(from memory, addr uint64) (string, error) {
	head, err := from.read(addr, 2)
	if err != nil {
		return "", err
	}
	if head[1]&0x80 != 0 {
		return "", fmt.Errorf("%w: a name of more than 127 bytes at %#x", ErrUnsupported, addr)
	}
	name, err := from.read(addr+2, uint64(head[1]))
	return string(name), err
}
