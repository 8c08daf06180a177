// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bytes"
	"fmt"
	"io"
)

const (
	windowSize = 64 << 10
	maxName    = 16 << 10 // generic functions have the longest names; the linker cuts them
)

// window reads a table that is mostly walked forwards, through one buffer.
type window struct {
	reader io.ReaderAt
	start  int64
	data   []byte
	buffer []byte
}

func newWindow(r io.ReaderAt) *window {
	return &window{reader: r, buffer: make([]byte, windowSize)}
}

// at returns up to n bytes at offset, fewer at the end of the table; they are
// valid until the next call.
func (w *window) at(offset int64, n int) []byte {
	if offset < w.start || offset+int64(n) > w.start+int64(len(w.data)) {
		read, _ := w.reader.ReadAt(w.buffer, offset)
		w.start, w.data = offset, w.buffer[:read]
	}
	data := w.data[offset-w.start:]
	return data[:min(n, len(data))]
}

// ReadAt implements io.ReaderAt for reads of at most the window's size.
func (w *window) ReadAt(p []byte, offset int64) (int, error) {
	n := copy(p, w.at(offset, len(p)))
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// cString returns the zero-terminated string at offset, valid until the next call.
func (w *window) cString(offset int64) ([]byte, error) {
	for _, n := range []int{256, maxName} {
		data := w.at(offset, n)
		if end := bytes.IndexByte(data, 0); end >= 0 {
			return data[:end], nil
		}
	}
	return nil, fmt.Errorf("no string of at most %d bytes at %#x", maxName, offset)
}
