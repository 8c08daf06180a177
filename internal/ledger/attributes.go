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
	var l Ledger
	text, ok := attributes.Get(AttributeSource)
	if !ok {
		return l, 0, false
	}
	source, err := ParseSource(text.Str())
	if err != nil {
		return l, 0, false
	}
	for name, value := range attributes.All() {
		if !strings.HasPrefix(name, AttributePrefix) || name == AttributeSource || name == AttributeDominant {
			continue
		}
		cause, err := ParseCause(name)
		if err != nil || value.Type() != pcommon.ValueTypeInt || value.Int() < 0 {
			return Ledger{}, 0, false
		}
		l[cause] = uint64(value.Int())
	}
	return l, source, true
}
