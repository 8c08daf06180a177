// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	_ "embed"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec/internal/layout"
)

// Downloads a toolchain for every release in the list.
//go:generate go run ./internal/offsetgen -out offsets.json

// embeddedTable holds the layouts by exact version, written by internal/offsetgen.
//
//go:embed offsets.json
var embeddedTable []byte

// versionTable is the embedded table seen through the versions that one
// executable links. A version that is not a plain release ("go1.26.8
// X:nodwarf5", "go1.22.5 (Red Hat 1.22.5-1.el9)", a fork of a module) has no
// entry: what is known of the release need not hold for it.
type versionTable struct {
	table        *layout.Table
	err          error
	architecture string
	version      func(module string) string
}

// table reads the embedded table on first use.
func (b *Binary) table() *versionTable {
	if b.versions == nil {
		architecture := "amd64"
		if b.Machine() == elf.EM_AARCH64 {
			architecture = "arm64"
		}
		b.versions = &versionTable{architecture: architecture, version: b.linkedVersion}
		b.versions.table, b.versions.err = layout.Parse(embeddedTable)
	}
	return b.versions
}

func (b *Binary) linkedVersion(module string) string {
	if module == layout.Standard {
		return b.version
	}
	return b.ModuleVersion(module)
}

func (t *versionTable) find(name string) (structType, error) {
	if t.err != nil {
		return structType{}, t.err
	}
	known, ok := t.table.Types[name]
	if !ok {
		return structType{}, fmt.Errorf("type %s is not in the version table", name)
	}
	version := t.version(known.Module)
	if version == "" {
		return structType{}, fmt.Errorf("module %s is not linked, or replaced", known.Module)
	}
	for _, companion := range known.Companions {
		if other := t.version(companion); other != version {
			return structType{}, fmt.Errorf("module %s is %s but %s is %q", known.Module, version, companion, other)
		}
	}
	found, ok := known.Find(t.architecture, version)
	if !ok {
		return structType{}, fmt.Errorf("the version table has no %s of %s %s on %s", name, known.Module, version, t.architecture)
	}
	result := structType{size: found.Size, members: make(map[string]member, len(found.Fields))}
	for field, at := range found.Fields {
		result.members[field] = member{offset: at.Offset, kind: at.Type}
	}
	return result, nil
}

func (t *versionTable) nested(m member) (structType, error) {
	if m.kind == "" {
		return structType{}, fmt.Errorf("its type is not in the version table")
	}
	return t.find(m.kind)
}

// waitReasons is nil when they are not known for this version.
func (t *versionTable) waitReasons() map[uint8]string {
	if t.err != nil {
		return nil
	}
	known, ok := t.table.FindWaitReasons(t.architecture, t.version(layout.Standard))
	if !ok {
		return nil
	}
	reasons := make(map[uint8]string, len(known.Texts))
	for i, text := range known.Texts {
		if text != "" {
			reasons[uint8(i)] = text
		}
	}
	return reasons
}
