// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"io"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/chdb"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/native"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/wire"
)

// reply sends the blocks of one query's result.
type reply struct {
	client      *client
	compression wire.Compression
	begun       bool // the header was sent
}

// header sends a block without rows, which every result begins with.
func (r *reply) header(columns []native.Column) error {
	r.begun = true
	return r.send(native.AppendHeader(nil, columns))
}

// blocks sends the blocks of a chunk of output, and what it took to make it.
func (r *reply) blocks(chunk chdb.Result) error {
	if err := r.client.out.Progress(chunk.RowsRead, chunk.BytesRead, chunk.RowsWritten, chunk.BytesWritten); err != nil {
		return &goneError{err}
	}
	for rest := chunk.Data; len(rest) > 0; {
		source := bytes.NewReader(rest)
		header, err := native.CopyBlock(io.Discard, source)
		size := len(rest) - source.Len()
		if err != nil {
			// A type that only the engine knows: the engine writes one block a
			// chunk, so the chunk is passed on as it is.
			size = len(rest)
			r.begun = true
		}
		if !r.begun {
			if err := r.header(header.Columns); err != nil {
				return err
			}
		}
		if err := r.send(rest[:size]); err != nil {
			return err
		}
		rest = rest[size:]
	}
	return nil
}

func (r *reply) send(block []byte) error {
	err := r.client.out.Data(block, r.compression)
	if err == nil {
		err = r.client.flush()
	}
	if err != nil {
		return &goneError{err}
	}
	return nil
}

// goneError says that the client can not be written to, unlike an error of its
// query.
type goneError struct{ cause error }

func (e *goneError) Error() string { return "writing to the client: " + e.cause.Error() }

func (e *goneError) Unwrap() error { return e.cause }
