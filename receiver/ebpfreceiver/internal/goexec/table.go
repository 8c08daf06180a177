// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import "fmt"

// versionTable holds the layouts that are known for the versions in one executable.
type versionTable struct{ types map[string]structType }

func (b *Binary) table() *versionTable { return &versionTable{} }

func (t *versionTable) find(name string) (structType, error) {
	found, ok := t.types[name]
	if !ok {
		return structType{}, fmt.Errorf("no table entry for %s", name)
	}
	return found, nil
}

func (t *versionTable) nested(m member) (structType, error) { return t.find(m.kind) }

func (t *versionTable) waitReasons() map[uint8]string { return nil }
