// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// frameSize is how much of a block goes into one compressed frame.
const frameSize = 1 << 20

// blockInfo is what comes before each block: no overflow rows, no bucket.
const blockInfo = "\x01\x00\x02\xff\xff\xff\xff\x00"

// Writer writes the packets of the server to one client. Everything is
// buffered until Flush.
type Writer struct {
	out        *bufio.Writer
	buffer     proto.Buffer
	compressor *compress.Writer
	method     Compression // of the compressor
}

// NewWriter writes to a connection.
func NewWriter(to io.Writer) *Writer {
	return &Writer{out: bufio.NewWriterSize(to, 64<<10)}
}

// Flush sends what was written.
func (w *Writer) Flush() error { return w.out.Flush() }

// Server is what the server says of itself.
type Server struct {
	Name, DisplayName, Timezone string
	Major, Minor, Patch         int
}

// Hello answers a client's hello.
func (w *Writer) Hello(server Server, clientRevision uint64) error {
	hello := proto.ServerHello{
		Name: server.Name, DisplayName: server.DisplayName, Timezone: server.Timezone,
		Major: server.Major, Minor: server.Minor, Patch: server.Patch, Revision: Revision,
	}
	hello.EncodeAware(&w.buffer, int(min(clientRevision, Revision)))
	return w.send()
}

// Pong answers a ping.
func (w *Writer) Pong() error { return w.code(proto.ServerCodePong) }

// EndOfStream ends the answer to a query.
func (w *Writer) EndOfStream() error { return w.code(proto.ServerCodeEndOfStream) }

// Exception answers a query, or a hello, with an error.
func (w *Writer) Exception(code int32, name, message string) error {
	w.buffer.PutByte(byte(proto.ServerCodeException))
	exception := proto.Exception{Code: proto.Error(code), Name: name, Message: message}
	exception.EncodeAware(&w.buffer, Revision)
	return w.send()
}

// Progress tells the client what its query read and wrote since the last time.
func (w *Writer) Progress(rowsRead, bytesRead, rowsWritten, bytesWritten uint64) error {
	w.buffer.PutByte(byte(proto.ServerCodeProgress))
	proto.Progress{Rows: rowsRead, Bytes: bytesRead, WroteRows: rowsWritten, WroteBytes: bytesWritten}.EncodeAware(&w.buffer, Revision)
	return w.send()
}

// Compression is how the blocks of an answer are packed.
type Compression byte

// The compressions that clients ask for.
const (
	Plain Compression = iota
	LZ4
	ZSTD
)

// Data sends a block in the Native format.
func (w *Writer) Data(block []byte, compression Compression) error {
	w.buffer.PutByte(byte(proto.ServerCodeData))
	w.buffer.PutString("") // no temporary table
	if err := w.send(); err != nil {
		return err
	}
	if compression == Plain {
		_, err := w.out.WriteString(blockInfo)
		if err == nil {
			_, err = w.out.Write(block)
		}
		return err
	}
	return w.compressed(block, compression)
}

func (w *Writer) compressed(block []byte, compression Compression) error {
	method := compress.LZ4
	if compression == ZSTD {
		method = compress.ZSTD
	}
	if w.compressor == nil || w.method != compression {
		w.compressor, w.method = compress.NewWriter(compress.LevelZero, method), compression
	}
	// The information and the block are one stream that is cut into frames.
	first := append([]byte(blockInfo), block[:min(len(block), frameSize)]...)
	rest := block[min(len(block), frameSize):]
	for part := first; len(part) > 0; {
		if err := w.compressor.Compress(part); err != nil {
			return err
		}
		if _, err := w.out.Write(w.compressor.Data); err != nil {
			return err
		}
		part, rest = rest[:min(len(rest), frameSize)], rest[min(len(rest), frameSize):]
	}
	return nil
}

func (w *Writer) code(code proto.ServerCode) error {
	w.buffer.Buf = binary.AppendUvarint(w.buffer.Buf, uint64(code))
	return w.send()
}

func (w *Writer) send() error {
	_, err := w.out.Write(w.buffer.Buf)
	w.buffer.Reset()
	return err
}
