// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"math/rand"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// Values of the types that SDK 1.47 has.
func init() {
	complexValue = nested
	complexWord = nestedWord
}

func nested(r *rand.Rand) (attribute.Value, bool) {
	m := maker{Rand: r}
	switch r.Intn(3) {
	case 0:
		bytes := make([]byte, r.Intn(20))
		r.Read(bytes)
		return attribute.ByteSliceValue(bytes), true
	case 1:
		return attribute.SliceValue(many(r.Intn(8), m.value)...), true
	default:
		return attribute.MapValue(unique(m.attributes(8))...), true
	}
}

func nestedWord(v attribute.Value) string {
	switch v.Type() {
	case attribute.BYTESLICE:
		return "bytes " + hex.EncodeToString(v.AsByteSlice())
	case attribute.SLICE:
		return list(v.AsSlice(), word)
	case attribute.MAP:
		return "{" + strings.Join(keyValues(v.AsMap()), " ") + "}"
	default:
		return "empty"
	}
}
