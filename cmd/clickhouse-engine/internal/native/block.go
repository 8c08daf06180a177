// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits on what a block may claim. ClickHouse's own clients send blocks of at
// most about a million rows.
const (
	maxColumns  = 10_000
	maxRows     = 1 << 26
	maxNameSize = 1 << 16
)

// Column is the name and the type of one column of a block.
type Column struct {
	Name, Type string
}

// Header describes a block that was walked.
type Header struct {
	Columns []Column
	Rows    uint64
}

// Source is what a block is read from.
type Source interface {
	io.Reader
	io.ByteReader
}

// CopyBlock copies one block from src to dst and describes it. It fails with
// io.EOF only when src ends before the first byte, and with
// io.ErrUnexpectedEOF when it ends inside the block.
func CopyBlock(dst io.Writer, src Source) (Header, error) {
	c := &copier{src: src, dst: dst}
	columns, err := c.uvarint()
	if err != nil {
		return Header{}, err
	}
	header, err := c.block(columns)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = c.flush()
	}
	return header, err
}

func (c *copier) block(columns uint64) (Header, error) {
	rows, err := c.uvarint()
	if err != nil {
		return Header{}, err
	}
	if columns > maxColumns || rows > maxRows {
		return Header{}, fmt.Errorf("a block claims %d columns and %d rows, more than %d and %d", columns, rows, maxColumns, maxRows)
	}
	header := Header{Rows: rows}
	for range columns {
		column, err := c.column(rows)
		if err != nil {
			return header, err
		}
		header.Columns = append(header.Columns, column)
	}
	return header, nil
}

func (c *copier) column(rows uint64) (Column, error) {
	name, err := c.text(maxNameSize)
	if err != nil {
		return Column{}, err
	}
	typeName, err := c.text(maxNameSize)
	if err != nil {
		return Column{}, err
	}
	column := Column{Name: name, Type: typeName}
	if rows == 0 {
		return column, nil
	}
	layout, err := parseType(typeName)
	if err != nil {
		return column, fmt.Errorf("column %q: %w", name, err)
	}
	if err := layout.prefix(c); err != nil {
		return column, err
	}
	return column, layout.data(c, rows)
}

// AppendHeader appends a block without rows, which tells the receiver the
// names and types of what is to come.
func AppendHeader(buf []byte, columns []Column) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(columns)))
	buf = binary.AppendUvarint(buf, 0)
	for _, column := range columns {
		buf = appendText(buf, column.Name)
		buf = appendText(buf, column.Type)
	}
	return buf
}

func appendText(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}
