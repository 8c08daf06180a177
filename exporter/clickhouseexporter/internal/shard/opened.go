// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package shard

// opened is a level of the data of each shard, a resource or a scope, which is
// copied into a shard's when the first row of it belongs there.
type opened[T any] struct {
	is   []bool
	at   []T
	open func(shard int) T
}

// newOpened is the level below the data themselves.
func newOpened[D, T any](parts []D, open func(D) T) *opened[T] {
	return &opened[T]{make([]bool, len(parts)), make([]T, len(parts)), func(shard int) T { return open(parts[shard]) }}
}

// newOpenedIn is the level below another one.
func newOpenedIn[U, T any](above *opened[U], open func(U) T) *opened[T] {
	return &opened[T]{make([]bool, len(above.at)), make([]T, len(above.at)), func(shard int) T { return open(above.of(shard)) }}
}

// of is the level of a shard.
func (o *opened[T]) of(shard int) T {
	if !o.is[shard] {
		o.is[shard], o.at[shard] = true, o.open(shard)
	}
	return o.at[shard]
}

func fresh[D any](n int, empty func() D) []D {
	parts := make([]D, n)
	for i := range parts {
		parts[i] = empty()
	}
	return parts
}
