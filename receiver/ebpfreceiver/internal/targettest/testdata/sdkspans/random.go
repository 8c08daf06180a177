// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// text is of up to 60 characters, most of one byte.
func (m *maker) text() string {
	var text strings.Builder
	for i := m.Intn(61); i > 0; i-- {
		text.WriteRune([]rune("abcdefghij/:. äß€𝄞")[m.Intn(18)])
	}
	return text.String()
}

// attributes are fewer than most, some with the same key.
func (m *maker) attributes(most int) []attribute.KeyValue {
	attributes := make([]attribute.KeyValue, 0, most)
	for i := m.Intn(most); i > 0; i-- {
		key := "key." + string(rune('a'+m.Intn(26))) + strings.Repeat("x", m.Intn(8))
		attributes = append(attributes, attribute.KeyValue{Key: attribute.Key(key), Value: m.value()})
	}
	return attributes
}

// unique keeps the first of each key.
func unique(attributes []attribute.KeyValue) []attribute.KeyValue {
	seen := map[attribute.Key]bool{}
	kept := attributes[:0]
	for _, a := range attributes {
		if !seen[a.Key] {
			kept = append(kept, a)
		}
		seen[a.Key] = true
	}
	return kept
}

func (m *maker) value() attribute.Value {
	if complexValue != nil && m.Intn(6) == 0 {
		if value, ok := complexValue(m.Rand); ok {
			return value
		}
	}
	n := m.Intn(7)
	switch m.Intn(8) {
	case 0:
		return attribute.BoolValue(m.Intn(2) == 0)
	case 1:
		return attribute.Int64Value(int64(m.Uint64()))
	case 2:
		return attribute.Float64Value([]float64{m.NormFloat64(), math.Inf(-1), 0, math.MaxFloat64}[m.Intn(4)])
	case 3:
		return attribute.BoolSliceValue(many(n, func() bool { return m.Intn(2) == 0 }))
	case 4:
		return attribute.Int64SliceValue(many(n, m.Int63))
	case 5:
		return attribute.Float64SliceValue(many(n, m.NormFloat64))
	case 6:
		return attribute.StringSliceValue(many(n, m.text))
	default:
		return attribute.StringValue(m.text())
	}
}

func many[T any](n int, one func() T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = one()
	}
	return all
}
