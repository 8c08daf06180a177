// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
)

// tileSize is how many bytes are worth a write of their own.
const tileSize = 8 << 10

// tiles writes pieces that are repeated without a copy of each repetition: of some
// of them a tile is made, which is written as often as needed.
type tiles struct {
	buffer []byte
}

// begin forgets the tiles of the last column, which was written out.
func (t *tiles) begin() { t.buffer = t.buffer[:0] }

func (t *tiles) reset() { t.buffer = emptied(t.buffer, 1) }

// write writes a piece n times.
func (t *tiles) write(w *proto.Writer, piece []byte, n int) {
	if len(piece) == 0 || n == 0 {
		return
	}
	each := min(max(1, tileSize/len(piece)), n)
	tile := piece
	if each > 1 {
		start := len(t.buffer)
		t.buffer = appendRepeated(t.buffer, piece, each)
		tile = t.buffer[start:]
	}
	for ; n >= each; n -= each {
		w.ChainWrite(tile)
	}
	if n > 0 {
		w.ChainWrite(tile[:n*len(piece)])
	}
}
