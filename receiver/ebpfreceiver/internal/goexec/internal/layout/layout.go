// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package layout is the table of struct layouts by exact version: what is known
// of executables that carry no debug information.
package layout

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Standard is the module name of the standard library, whose versions are those
// of the Go toolchain ("go1.26.8").
const Standard = "std"

// Table holds what is known of all versions.
type Table struct {
	Types       map[string]*Type `json:"types"`        // by qualified name, such as "runtime.g"
	WaitReasons []*WaitReasons   `json:"wait_reasons"` // the texts of runtime.g.waitreason
}

// Type is what is known of one struct type: its layouts, each with the versions
// of the module for which it was read from debug information.
type Type struct {
	Module string `json:"module"`
	// Companions are other modules with structs inside this one. The layout holds
	// only where they are linked in the same version as Module.
	Companions []string  `json:"companions,omitempty"`
	Layouts    []*Layout `json:"layouts"`
}

// Layout is the size and the fields of a struct, in bytes.
type Layout struct {
	Versions Versions         `json:"versions"`
	Size     uint64           `json:"size"`
	Fields   map[string]Field `json:"fields"`
}

// WaitReasons are texts by index; empty where a value has none.
type WaitReasons struct {
	Versions Versions `json:"versions"`
	Texts    []string `json:"texts"`
}

// Versions lists, by architecture as GOARCH names it, the versions for which an
// entry was proven.
type Versions map[string][]string

// Field is the offset of a field, and the name of its type when that is a
// struct. In JSON it is a number or a pair.
type Field struct {
	Offset uint64
	Type   string
}

// MarshalJSON implements json.Marshaler.
func (f Field) MarshalJSON() ([]byte, error) {
	if f.Type == "" {
		return json.Marshal(f.Offset)
	}
	return json.Marshal([]any{f.Offset, f.Type})
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *Field) UnmarshalJSON(data []byte) error {
	if !strings.HasPrefix(string(data), "[") {
		return json.Unmarshal(data, &f.Offset)
	}
	return json.Unmarshal(data, &[]any{&f.Offset, &f.Type})
}

// Parse reads a table from its JSON.
func Parse(data []byte) (*Table, error) {
	table := new(Table)
	if err := json.Unmarshal(data, table); err != nil {
		return nil, fmt.Errorf("parse layout table: %w", err)
	}
	return table, nil
}

// Find returns the layout of a type for one version of its module: the entry of
// exactly this version, else, for an unknown patch release, the one that the
// nearest known patch releases before and after it share. A patch release newer
// than all that are known is not found: net/http.response changed between
// go1.26.8 and go1.26.11.
func (t *Type) Find(architecture, version string) (*Layout, bool) {
	return find(t.Layouts, func(l *Layout) Versions { return l.Versions }, architecture, version)
}

// FindWaitReasons returns the wait reasons of a Go version by the same rule.
func (t *Table) FindWaitReasons(architecture, version string) (*WaitReasons, bool) {
	return find(t.WaitReasons, func(w *WaitReasons) Versions { return w.Versions }, architecture, version)
}

func find[E comparable](entries []E, versionsOf func(E) Versions, architecture, version string) (E, bool) {
	var none, below, above E
	for _, entry := range entries {
		if slices.Contains(versionsOf(entry)[architecture], version) { // as it is, a pseudo-version too
			return entry, true
		}
	}
	wanted, ok := parseRelease(version)
	if !ok {
		return none, false
	}
	lowest, highest := -1, -1 // the nearest known patches around the wanted one; -1: none
	for _, entry := range entries {
		for _, known := range versionsOf(entry)[architecture] {
			r, ok := parseRelease(known)
			if !ok || r.minor != wanted.minor {
				continue
			}
			if r.patch <= wanted.patch && r.patch > lowest {
				below, lowest = entry, r.patch
			}
			if r.patch >= wanted.patch && (highest < 0 || r.patch < highest) {
				above, highest = entry, r.patch
			}
		}
	}
	if lowest < 0 || highest < 0 || below != above {
		return none, false
	}
	return below, true
}

// release is a version taken apart.
type release struct {
	minor string // "go1.26" or "v1.47"
	patch int
}

// releasePattern matches releases only: a release candidate, a pseudo-version
// or a development build may have any layout.
var releasePattern = regexp.MustCompile(`^((?:go|v)[0-9]+\.[0-9]+)(?:\.([0-9]{1,6}))?$`)

func parseRelease(version string) (release, bool) {
	match := releasePattern.FindStringSubmatch(version)
	if match == nil {
		return release{}, false
	}
	if match[2] == "" { // the first release of a line before Go 1.21
		return release{minor: match[1]}, true
	}
	patch, err := strconv.Atoi(match[2])
	return release{minor: match[1], patch: patch}, err == nil
}

// add notes that an entry holds for a version.
func (v Versions) add(architecture, version string) {
	if !slices.Contains(v[architecture], version) {
		v[architecture] = append(v[architecture], version)
		sort.Slice(v[architecture], func(i, j int) bool { return older(v[architecture][i], v[architecture][j]) })
	}
}

// remove takes a version out and says whether none is left.
func (v Versions) remove(architecture, version string) bool {
	v[architecture] = slices.DeleteFunc(v[architecture], func(known string) bool { return known == version })
	if len(v[architecture]) == 0 {
		delete(v, architecture)
	}
	return len(v) == 0
}

var number = regexp.MustCompile(`[0-9]+`)

// older orders versions by their numbers.
func older(a, b string) bool {
	return slices.CompareFunc(number.FindAllString(a, -1), number.FindAllString(b, -1), func(x, y string) int {
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		return strings.Compare(x, y)
	}) < 0
}
