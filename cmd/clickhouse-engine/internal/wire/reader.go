// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/compress"
)

// Limits in bytes on what a client may send in one string.
const (
	maxText  = 1 << 20
	maxQuery = 64 << 20
)

// Reader reads the packets of one client.
type Reader struct {
	source       *source
	raw          *bufio.Reader // of source
	decompressed *bufio.Reader // of raw, where compressed frames come
}

// NewReader reads from a connection.
func NewReader(from io.Reader) *Reader {
	source := &source{from: from}
	raw := bufio.NewReaderSize(source, 64<<10)
	return &Reader{source: source, raw: raw, decompressed: bufio.NewReaderSize(compress.NewReader(raw), 64<<10)}
}

// Broken is the last error of the connection itself, its end included, or nil:
// it tells a packet that did not come whole from one that makes no sense.
func (r *Reader) Broken() error { return r.source.err }

// source remembers how the last read of a connection failed.
type source struct {
	from io.Reader
	err  error
}

func (s *source) Read(p []byte) (n int, err error) {
	n, s.err = s.from.Read(p)
	return n, s.err
}

// Code reads the code that begins a packet.
func (r *Reader) Code() (uint64, error) { return binary.ReadUvarint(r.raw) }

// Peek waits for the next byte and returns it without taking it.
func (r *Reader) Peek() (byte, error) {
	next, err := r.raw.Peek(1)
	if err != nil {
		return 0, err
	}
	return next[0], nil
}

func (r *Reader) uvarint() (uint64, error) {
	n, err := binary.ReadUvarint(r.raw)
	return n, noEOF(err)
}

func (r *Reader) byte() (byte, error) {
	b, err := r.raw.ReadByte()
	return b, noEOF(err)
}

func (r *Reader) skip(n int) error {
	_, err := r.raw.Discard(n)
	return noEOF(err)
}

func (r *Reader) text() (string, error) { return r.textWithin(maxText) }

// textWithin reads a string of at most limit bytes. Memory grows with what
// arrives, not with what is claimed.
func (r *Reader) textWithin(limit uint64) (string, error) {
	n, err := r.uvarint()
	if err != nil {
		return "", err
	}
	if n > limit {
		return "", fmt.Errorf("a string of %d bytes is longer than %d", n, limit)
	}
	var text bytes.Buffer
	if _, err := io.CopyN(&text, r.raw, int64(n)); err != nil {
		return "", noEOF(err)
	}
	return text.String(), nil
}

// noEOF tells the end of the connection inside a packet from its end between
// two packets.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
