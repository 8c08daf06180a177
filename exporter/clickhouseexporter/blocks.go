// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import "sync"

// blocks keeps emptied blocks for reuse: their columns are the exporter's
// largest allocations.
type blocks[B interface{ Reset() }] struct {
	pool sync.Pool
}

func newBlocks[B interface{ Reset() }](fresh func() B) *blocks[B] {
	return &blocks[B]{pool: sync.Pool{New: func() any { return fresh() }}}
}

// take is an empty block.
func (b *blocks[B]) take() B { return b.pool.Get().(B) }

// put empties a block and keeps it.
func (b *blocks[B]) put(block B) {
	block.Reset()
	b.pool.Put(block)
}
