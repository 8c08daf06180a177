// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/buildinfo"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec/internal/layout"
)

// readLayouts adds what the debug information of binary says of p's types, and
// of the structs inside them.
func readLayouts(binary string, p program, table *layout.Table) error {
	versions, err := linkedVersions(binary)
	if err != nil {
		return err
	}
	structs, err := structTypes(binary)
	if err != nil {
		return err
	}
	reader := structReader{program: p, versions: versions, table: table, seen: make(map[string]bool)}
	for name := range p.types {
		if structs[name] == nil {
			return fmt.Errorf("no type %s in the debug information", name)
		}
		if err := reader.add(structs[name]); err != nil {
			return err
		}
	}
	for name := range p.some {
		if structs[name] == nil {
			continue
		}
		if err := reader.add(structs[name]); err != nil {
			return err
		}
	}
	if p.requirement != "" {
		return nil
	}
	return addWaitReasons(binary, p.architecture, versions[layout.Standard], table)
}

// linkedVersions maps the modules in binary to their versions.
func linkedVersions(binary string) (map[string]string, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	release, _, _ := strings.Cut(info.GoVersion, " ")
	versions := map[string]string{layout.Standard: release}
	for _, module := range info.Deps {
		versions[module.Path] = module.Version
	}
	return versions, nil
}

// structTypes reads every struct type by name.
func structTypes(binary string) (map[string]*dwarf.StructType, error) {
	file, err := elf.Open(binary)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // opened for reading
	data, err := file.DWARF()
	if err != nil {
		return nil, err
	}
	structs := make(map[string]*dwarf.StructType)
	for reader := data.Reader(); ; {
		entry, err := reader.Next()
		if err != nil {
			return nil, err
		}
		if entry == nil {
			return structs, nil
		}
		if entry.Tag == dwarf.TagStructType {
			kind, err := data.Type(entry.Offset)
			if err != nil {
				return nil, err
			}
			if found, ok := kind.(*dwarf.StructType); ok {
				structs[found.StructName] = found
			}
		}
		if entry.Tag != dwarf.TagCompileUnit {
			reader.SkipChildren()
		}
	}
}

// structReader adds the structs of one program to the table.
type structReader struct {
	program  program
	versions map[string]string
	table    *layout.Table
	seen     map[string]bool
}

// add adds a struct and, so that dotted paths resolve, the wanted and the
// runtime's structs inside it. The wrappers of internal/runtime/atomic are left
// out: their value is at 0.
func (r *structReader) add(from *dwarf.StructType) error {
	if r.seen[from.StructName] {
		return nil
	}
	r.seen[from.StructName] = true
	module := r.module(from)
	fields := make(map[string]layout.Field, len(from.Field))
	companions := make(map[string]bool)
	for _, field := range from.Field {
		if field.Name == "_" || field.Name == "" {
			continue
		}
		entry := layout.Field{Offset: uint64(field.ByteOffset)}
		if inner := structOf(field.Type); inner != nil && r.module(inner) != "" {
			entry.Type = inner.StructName
			if other := r.module(inner); other != module && other != layout.Standard {
				companions[other] = true
			}
			if err := r.add(inner); err != nil {
				return err
			}
		}
		fields[field.Name] = entry
	}
	for other := range companions {
		if r.versions[other] != r.versions[module] {
			return fmt.Errorf("%s: built with %s %s", from.StructName, other, r.versions[other])
		}
	}
	r.table.Add(from.StructName, layout.Origin{
		Module: module, Companions: slices.Sorted(maps.Keys(companions)),
		Architecture: r.program.architecture, Version: r.versions[module],
	}, uint64(from.ByteSize), fields)
	return nil
}

// module is the module of a struct that is put into the table; else empty.
// Structs without a name of their own stand in the runtime's.
func (r *structReader) module(of *dwarf.StructType) string {
	if module, ok := r.program.types[of.StructName]; ok {
		return module
	}
	if module, ok := r.program.some[of.StructName]; ok {
		return module
	}
	if packageOf(of.StructName) == "runtime" || strings.HasPrefix(of.StructName, "struct { runtime.") {
		return layout.Standard
	}
	return ""
}

func packageOf(name string) string {
	slash := strings.LastIndex(name, "/") + 1
	dot := strings.Index(name[slash:], ".")
	if dot < 0 {
		return ""
	}
	return name[:slash+dot]
}

// structOf sees through type definitions.
func structOf(kind dwarf.Type) *dwarf.StructType {
	for {
		switch known := kind.(type) {
		case *dwarf.StructType:
			return known
		case *dwarf.TypedefType:
			kind = known.Type
		default:
			return nil
		}
	}
}

func addWaitReasons(binary, architecture, release string, table *layout.Table) error {
	opened, err := goexec.Open(binary)
	if err != nil {
		return err
	}
	defer opened.Close() //nolint:errcheck // opened for reading
	reasons, err := opened.WaitReasons()
	if err != nil {
		return err
	}
	var texts []string
	for index, text := range reasons {
		for len(texts) <= int(index) {
			texts = append(texts, "")
		}
		texts[index] = text
	}
	table.AddWaitReasons(architecture, release, texts)
	return nil
}
