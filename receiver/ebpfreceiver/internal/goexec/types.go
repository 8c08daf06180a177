// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/dwarf"
	"fmt"
)

const (
	maxEntries    = 64 << 20 // entries of the type unit and their attributes; a 500 MB executable has about 8 million
	maxMembers    = 1 << 16
	maxStruct     = 1 << 40 // bytes: an array in it may be larger than any memory
	maxIndirected = 16      // typedefs between a member and its struct
)

// structType is the layout of one struct.
type structType struct {
	size    uint64
	members map[string]member
}

type member struct {
	offset     uint64
	kind       string       // the name of its type, when that is a struct
	ref        dwarf.Offset // DWARF only: the entry of its type
	descriptor uint64       // type descriptors only: the address of that of its type
}

// typeIndex finds struct types by name in the type unit.
type typeIndex struct {
	unit    *unit
	names   *nameIndex
	structs map[dwarf.Offset]structType
	err     error // why there is none
}

// dwarfTypes reads the debug information on first use.
func (b *Binary) dwarfTypes() *typeIndex {
	if b.types == nil {
		b.types = &typeIndex{structs: make(map[dwarf.Offset]structType)}
		b.types.unit, b.types.err = b.image.findTypeUnit()
		if b.types.err == nil {
			b.types.err = b.types.build()
		}
	}
	return b.types
}

// build notes where each struct type stands.
func (x *typeIndex) build() (err error) {
	defer recoverDWARF(&err)
	x.names = newNameIndex(1 << 12)
	reader := x.unit.data.Reader()
	if _, err := reader.Next(); err != nil { // the unit's own entry: its children are the types
		return fmt.Errorf("%w: DWARF: %v", ErrTruncated, err)
	}
	for depth, work := 0, 0; ; {
		entry, err := reader.Next()
		if err != nil {
			return fmt.Errorf("%w: DWARF: %v", ErrTruncated, err)
		}
		if entry == nil {
			break
		}
		if work += 1 + len(entry.Field); work > maxEntries {
			return fmt.Errorf("%w: more than %d DWARF entries", ErrUnsupported, maxEntries)
		}
		switch {
		case entry.Tag == 0:
			depth--
		case depth == 0 && entry.Tag == dwarf.TagStructType:
			if name, ok := entry.Val(dwarf.AttrName).(string); ok {
				if err := x.names.add([]byte(name), uint32(entry.Offset)); err != nil {
					return err
				}
			}
		}
		if entry.Tag != 0 && entry.Children {
			depth++
		}
	}
	x.names.sort()
	return nil
}

// recoverDWARF turns a panic into an error: debug/dwarf does not promise to
// survive every malformed file.
func recoverDWARF(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: DWARF: %v", ErrTruncated, p)
	}
}

// find reads the struct with that name.
func (x *typeIndex) find(name string) (found structType, err error) {
	if x.err != nil {
		return structType{}, x.err
	}
	defer recoverDWARF(&err)
	count := 0
	for _, candidate := range x.names.candidates(name) {
		entry, err := x.entry(dwarf.Offset(candidate.number))
		if err != nil {
			return structType{}, err
		}
		if entry.Val(dwarf.AttrName) != name {
			continue
		}
		if found, err = x.layout(entry); err != nil {
			return structType{}, err
		}
		count++
	}
	if count != 1 {
		return structType{}, fmt.Errorf("%d types named %s in DWARF", count, name)
	}
	return found, nil
}

// nested reads the struct that a member's type refers to.
func (x *typeIndex) nested(m member) (found structType, err error) {
	defer recoverDWARF(&err)
	ref := m.ref
	for range maxIndirected {
		entry, err := x.entry(ref - x.unit.start)
		if err != nil {
			return structType{}, err
		}
		if entry.Tag == dwarf.TagStructType {
			return x.layout(entry)
		}
		next, ok := entry.Val(dwarf.AttrType).(dwarf.Offset)
		if !ok || entry.Tag != dwarf.TagTypedef {
			return structType{}, fmt.Errorf("type at %#x is no struct", ref)
		}
		ref = next
	}
	return structType{}, fmt.Errorf("%w: DWARF: type at %#x refers to itself", ErrTruncated, ref)
}

func (x *typeIndex) entry(at dwarf.Offset) (*dwarf.Entry, error) {
	reader := x.unit.data.Reader()
	reader.Seek(at)
	entry, err := reader.Next()
	if err != nil || entry == nil {
		return nil, fmt.Errorf("%w: DWARF entry at %#x: %v", ErrTruncated, at, err)
	}
	return entry, nil
}

// layout reads the members of a struct's entry.
func (x *typeIndex) layout(entry *dwarf.Entry) (structType, error) {
	if known, ok := x.structs[entry.Offset]; ok {
		return known, nil
	}
	size, ok := entry.Val(dwarf.AttrByteSize).(int64)
	if !ok || size < 0 || size > maxStruct {
		return structType{}, fmt.Errorf("%w: DWARF: struct of %d bytes", ErrTruncated, size)
	}
	result := structType{size: uint64(size), members: make(map[string]member)}
	reader := x.unit.data.Reader()
	reader.Seek(entry.Offset)
	if _, err := reader.Next(); err != nil {
		return structType{}, fmt.Errorf("%w: DWARF: %v", ErrTruncated, err)
	}
	for entry.Children && len(result.members) < maxMembers {
		child, err := reader.Next()
		if err != nil {
			return structType{}, fmt.Errorf("%w: DWARF: %v", ErrTruncated, err)
		}
		if child == nil || child.Tag == 0 {
			break
		}
		x.addMember(&result, child)
		if child.Children {
			reader.SkipChildren()
		}
	}
	x.structs[entry.Offset] = result
	return result, nil
}

func (x *typeIndex) addMember(to *structType, entry *dwarf.Entry) {
	name, hasName := entry.Val(dwarf.AttrName).(string)
	offset, hasOffset := entry.Val(dwarf.AttrDataMemberLoc).(int64)
	ref, _ := entry.Val(dwarf.AttrType).(dwarf.Offset)
	if entry.Tag == dwarf.TagMember && hasName && hasOffset && offset >= 0 && uint64(offset) <= to.size {
		to.members[name] = member{offset: uint64(offset), ref: ref}
	}
}
