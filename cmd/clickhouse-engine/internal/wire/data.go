// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/native"
)

// Block is a data packet that was read: whom it is for, and its header.
type Block struct {
	// Table is the name of a temporary table, "" for the statement's own data.
	Table string
	native.Header
}

// End says that the client has no more data.
func (b Block) End() bool { return len(b.Columns) == 0 && b.Rows == 0 }

// Data reads a data packet behind its code and copies its block, in the Native
// format, to dst.
func (r *Reader) Data(compressed bool, dst io.Writer) (Block, error) {
	table, err := r.text()
	if err != nil {
		return Block{}, fmt.Errorf("reading the table of a data packet: %w", err)
	}
	source := r.raw
	if compressed {
		source = r.decompressed
	}
	if err := skipBlockInfo(source); err != nil {
		return Block{}, fmt.Errorf("reading the information of a block: %w", noEOF(err))
	}
	header, err := native.CopyBlock(dst, source)
	if err != nil {
		return Block{}, fmt.Errorf("reading a block: %w", noEOF(err))
	}
	if compressed && source.Buffered() > 0 {
		return Block{}, fmt.Errorf("a compressed block has %d bytes behind its end", source.Buffered())
	}
	return Block{Table: table, Header: header}, nil
}

// skipBlockInfo reads over the numbered fields before a block
// (src/Core/BlockInfo.h).
func skipBlockInfo(source *bufio.Reader) error {
	const (
		end         = 0
		isOverflows = 1 // a bool
		bucket      = 2 // an Int32
	)
	for range 8 {
		number, err := binary.ReadUvarint(source)
		if err != nil {
			return err
		}
		switch number {
		case end:
			return nil
		case isOverflows:
			_, err = source.Discard(1)
		case bucket:
			_, err = source.Discard(4)
		default:
			return fmt.Errorf("unknown field %d", number)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("it has no end")
}
