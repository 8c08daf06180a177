// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"errors"
	"fmt"
	"strings"
)

// Field names a field of a struct type: {"runtime.g", "goid"}. Name may be a
// dotted path into nested structs: {"runtime.g", "sched.bp"}.
type Field struct{ Type, Name string }

func (f Field) String() string { return f.Type + "." + f.Name }

// Offset is the distance in bytes of a field from the start of its type. That
// of a wrapper struct, such as atomic.Uint32, is that of its value.
type Offset struct {
	Bytes  uint64
	Source Source
}

// Source says what proves an offset.
type Source uint8

// The sources, in the order in which they are asked.
const (
	SourceDWARF      Source = iota + 1 // the executable's own debug information
	SourceTable                        // the table keyed by exact version (see table.go)
	SourceDescriptor                   // the executable's own type descriptors (see typedescriptor.go)
)

func (s Source) String() string {
	switch s {
	case SourceDWARF:
		return "dwarf"
	case SourceTable:
		return "table"
	case SourceDescriptor:
		return "descriptor"
	}
	return "unknown"
}

// layouts is a source of struct layouts.
type layouts interface {
	find(name string) (structType, error)
	nested(m member) (structType, error)
}

// Offsets resolves each field from DWARF where there is, else from the table,
// else, where that does not know the version, from type descriptors.
// Those that cannot be proven are absent from the result and named in the
// error, which wraps ErrNoOffset; the others are returned.
func (b *Binary) Offsets(fields []Field) (map[Field]Offset, error) {
	found := make(map[Field]Offset, len(fields))
	var missing []error
	for _, field := range fields {
		offset, err := b.fieldOffset(field)
		if err != nil {
			missing = append(missing, fmt.Errorf("%v: %w: %w", field, ErrNoOffset, err))
			continue
		}
		found[field] = offset
	}
	return found, errors.Join(missing...)
}

func (b *Binary) fieldOffset(field Field) (Offset, error) {
	types := b.dwarfTypes()
	bytes, dwarfErr := resolve(types, field)
	if dwarfErr == nil {
		return Offset{Bytes: bytes, Source: SourceDWARF}, nil
	}
	if _, err := types.find(field.Type); err == nil { // the type is known: it has no such field
		return Offset{}, dwarfErr
	}
	table := b.table()
	bytes, tableErr := resolve(table, field)
	if tableErr == nil {
		return Offset{Bytes: bytes, Source: SourceTable}, nil
	}
	if _, err := table.find(field.Type); err == nil {
		return Offset{}, tableErr
	}
	bytes, err := resolve(b.descriptors(), field)
	if err != nil {
		return Offset{}, fmt.Errorf("%w; %w; %w", dwarfErr, tableErr, err)
	}
	return Offset{Bytes: bytes, Source: SourceDescriptor}, nil
}

// TypeSize is the size in bytes of a struct type. The error wraps ErrNoOffset.
func (b *Binary) TypeSize(name string) (uint64, error) {
	found, dwarfErr := b.dwarfTypes().find(name)
	if dwarfErr == nil {
		return found.size, nil
	}
	found, tableErr := b.table().find(name)
	if tableErr == nil {
		return found.size, nil
	}
	found, err := b.descriptors().find(name)
	if err != nil {
		return 0, fmt.Errorf("size of %s: %w: %w; %w; %w", name, ErrNoOffset, dwarfErr, tableErr, err)
	}
	return found.size, nil
}

// resolve adds up the offsets along the dotted path of field.
func resolve(from layouts, field Field) (uint64, error) {
	within, err := from.find(field.Type)
	if err != nil {
		return 0, err
	}
	total := uint64(0)
	path := strings.Split(field.Name, ".")
	for i, name := range path {
		m, ok := within.members[name]
		if !ok {
			return 0, fmt.Errorf("no field %s", strings.Join(path[:i+1], "."))
		}
		total += m.offset
		if i == len(path)-1 {
			break
		}
		if within, err = from.nested(m); err != nil {
			return 0, fmt.Errorf("field %s: %w", strings.Join(path[:i+1], "."), err)
		}
	}
	return total, nil
}
