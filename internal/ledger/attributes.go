// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	// AttributeDominant names the cause that took most of the span's time.
	AttributeDominant = AttributePrefix + "dominant"
	// AttributeSource says whether the ledger is exact or sampled.
	AttributeSource = AttributePrefix + "source"
)

// Put writes the ledger's attributes: each cause that took time, in
// nanoseconds, Unattributed always, the dominant cause and the source.
func (l Ledger) Put(attributes pcommon.Map, source Source) {
	for cause, ns := range l {
		if ns > 0 || Cause(cause) == Unattributed {
			attributes.PutInt(Cause(cause).Attribute(), int64(ns))
		}
	}
	dominant, _ := l.Dominant()
	attributes.PutStr(AttributeDominant, dominant.String())
	attributes.PutStr(AttributeSource, source.String())
}

// FromAttributes reads what Put wrote. It reports false where the attributes
// hold no ledger or one that Put cannot have written.
func FromAttributes(attributes pcommon.Map) (Ledger, Source, bool) {
	var r Reader
	for name, value := range attributes.All() {
		r.Read(name, value)
	}
	return r.Ledger()
}

// Reader reads what Put wrote from one attribute after the other, for a caller
// that goes through all of them anyway.
type Reader struct {
	ledger Ledger
	source Source
	found  bool // the source
	wrong  bool // an attribute that Put cannot have written
}

// Read takes an attribute. It reports false for one that is not of a ledger.
func (r *Reader) Read(name string, value pcommon.Value) bool {
	bare, ok := strings.CutPrefix(name, AttributePrefix)
	switch {
	case !ok:
		return false
	case name == AttributeDominant:
	case name == AttributeSource:
		source, err := ParseSource(value.Str())
		r.source, r.found, r.wrong = source, true, r.wrong || err != nil
	default:
		cause, err := ParseCause(bare)
		if err != nil || value.Type() != pcommon.ValueTypeInt || value.Int() < 0 {
			r.wrong = true
			break
		}
		r.ledger[cause] = uint64(value.Int())
	}
	return true
}

// Ledger returns what was read, false where that is no ledger.
func (r *Reader) Ledger() (Ledger, Source, bool) {
	if !r.found || r.wrong {
		return Ledger{}, 0, false
	}
	return r.ledger, r.source, true
}

// CriticalPrefix begins the name of each attribute that splits the time of the
// goroutine which a span waited for, by cause.
const CriticalPrefix = "fathom.critical.time."

// PutCritical writes the causes that took time of the goroutine which a span waited
// for, in nanoseconds, each unless it is there.
func (l Ledger) PutCritical(attributes pcommon.Map) {
	for cause, ns := range l {
		if ns == 0 {
			continue
		}
		if part, present := attributes.GetOrPutEmpty(CriticalPrefix + Cause(cause).String()); !present {
			part.SetInt(int64(ns))
		}
	}
}

// ReadCritical takes an attribute that PutCritical wrote. It reports false for one
// that it cannot have written.
func (l *Ledger) ReadCritical(name string, value pcommon.Value) bool {
	bare, ok := strings.CutPrefix(name, CriticalPrefix)
	if !ok || value.Type() != pcommon.ValueTypeInt || value.Int() < 0 {
		return false
	}
	cause, err := ParseCause(bare)
	if err != nil {
		return false
	}
	l[cause] = uint64(value.Int())
	return true
}
