// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Origin says for what a layout was proven.
type Origin struct {
	Module, Version string
	Companions      []string // see Type.Companions
	Architecture    string   // as GOARCH names it
}

// Add notes the layout that a type has in one version of its module, sharing
// the entry of another version that has the same one. What was known of this
// version before is replaced.
func (t *Table) Add(name string, origin Origin, size uint64, fields map[string]Field) {
	if t.Types == nil {
		t.Types = make(map[string]*Type)
	}
	known := t.Types[name]
	if known == nil {
		known = &Type{Module: origin.Module, Companions: origin.Companions}
		t.Types[name] = known
	}
	architecture, version := origin.Architecture, origin.Version
	known.Layouts = slices.DeleteFunc(known.Layouts, func(l *Layout) bool { return l.Versions.remove(architecture, version) })
	for _, entry := range known.Layouts {
		if entry.Size == size && maps.Equal(entry.Fields, fields) {
			entry.Versions.add(architecture, version)
			return
		}
	}
	entry := &Layout{Versions: Versions{}, Size: size, Fields: fields}
	entry.Versions.add(architecture, version)
	known.Layouts = append(known.Layouts, entry)
}

// AddWaitReasons notes the wait reasons of one Go version.
func (t *Table) AddWaitReasons(architecture, version string, texts []string) {
	t.WaitReasons = slices.DeleteFunc(t.WaitReasons, func(w *WaitReasons) bool { return w.Versions.remove(architecture, version) })
	for _, entry := range t.WaitReasons {
		if slices.Equal(entry.Texts, texts) {
			entry.Versions.add(architecture, version)
			return
		}
	}
	entry := &WaitReasons{Versions: Versions{}, Texts: texts}
	entry.Versions.add(architecture, version)
	t.WaitReasons = append(t.WaitReasons, entry)
}

// Encode writes the table as JSON with one line an entry, so that a new version
// shows as a short difference.
func (t *Table) Encode() ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("{\"types\": {\n")
	for i, name := range slices.Sorted(maps.Keys(t.Types)) {
		if i > 0 {
			out.WriteString(",\n")
		}
		entry := t.Types[name]
		head, err := json.Marshal(struct {
			Module     string   `json:"module"`
			Companions []string `json:"companions,omitempty"`
		}{entry.Module, entry.Companions})
		if err != nil {
			return nil, fmt.Errorf("encode layout table: %w", err)
		}
		fmt.Fprintf(&out, "%q: %s,\"layouts\":[\n", name, bytes.TrimSuffix(head, []byte("}")))
		if err := lines(&out, entry.Layouts); err != nil {
			return nil, err
		}
		out.WriteString("]}")
	}
	out.WriteString("},\n\"wait_reasons\": [\n")
	if err := lines(&out, t.WaitReasons); err != nil {
		return nil, err
	}
	out.WriteString("]}\n")
	return out.Bytes(), nil
}

func lines[E any](out *bytes.Buffer, entries []E) error {
	for i, entry := range entries {
		if i > 0 {
			out.WriteString(",\n")
		}
		line, err := json.Marshal(entry)
		if err != nil {
			return fmt.Errorf("encode layout table: %w", err)
		}
		out.Write(line)
	}
	return nil
}
