// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package frames

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/go-faster/city"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// A frame is a checksum of what follows, the method, the size of all but the
// checksum, the size of the data, and the compressed data. Source: ClickHouse,
// src/Compression/CompressedWriteBuffer.cpp and CompressionInfo.h.
const (
	checksumSize = 16
	methodAt     = checksumSize
	sizeAt       = methodAt + 1
	dataSizeAt   = sizeAt + 4
	headerSize   = dataSizeAt + 4

	methodLZ4  = 0x82
	methodZSTD = 0x90
)

const (
	// lz4Frame is how much data a frame of LZ4 holds: as much as its matches reach
	// back, so that places in it are numbers of 16 bits.
	lz4Frame = 64 << 10
	// largeFrame is the same of the other methods, which find more in more data.
	largeFrame = 256 << 10
	// writeSize is how many compressed bytes are written at once.
	writeSize = 128 << 10
)

// compressor appends the compressed data to a buffer.
type compressor interface {
	compress(buffer, data []byte) ([]byte, error)
}

// Writer compresses what is written to it, in frames. It is for one goroutine, and
// keeps its memory until it is let go.
type Writer struct {
	to         io.Writer
	method     byte
	compressor compressor
	// data waits until it fills a frame.
	data []byte
	size int
	// frames wait until they are worth a system call.
	frames []byte
}

// NewWriter makes a writer of frames to a connection. A level is lz4hc's alone; 0
// is its default.
func NewWriter(to io.Writer, method compress.Method, level compress.Level) (*Writer, error) {
	w := &Writer{to: to, method: methodLZ4, size: largeFrame}
	switch method {
	case compress.LZ4:
		w.size, w.compressor = lz4Frame, new(fast)
	case compress.LZ4HC:
		w.compressor = newHigh(level)
	case compress.ZSTD:
		// Level 1, ClickHouse's own for what it sends (network_zstd_compression_level).
		encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithWindowSize(largeFrame))
		if err != nil {
			return nil, fmt.Errorf("make a zstd encoder: %w", err)
		}
		w.method, w.compressor = methodZSTD, zstandard{encoder}
	default:
		return nil, fmt.Errorf("%s compresses nothing", method)
	}
	return w, nil
}

// Plain adds bytes to what is sent as they are. No data may wait: they stand before
// all frames, or behind a Flush.
func (w *Writer) Plain(p []byte) { w.frames = append(w.frames, p...) }

// Write adds data. What fills a frame is compressed without a copy.
func (w *Writer) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		if len(w.data) == 0 && len(p) >= w.size {
			if err := w.frame(p[:w.size]); err != nil {
				return 0, err
			}
			p = p[w.size:]
			continue
		}
		if w.data == nil {
			w.data = make([]byte, 0, w.size)
		}
		n := min(len(p), w.size-len(w.data))
		w.data = append(w.data, p[:n]...)
		p = p[n:]
		if len(w.data) == w.size {
			if err := w.frame(w.data); err != nil {
				return 0, err
			}
			w.data = w.data[:0]
		}
	}
	return written, nil
}

// Flush ends the frame and sends everything.
func (w *Writer) Flush() error {
	if len(w.data) > 0 {
		if err := w.frame(w.data); err != nil {
			return err
		}
		w.data = w.data[:0]
	}
	return w.send()
}

// frame compresses the data of one frame.
func (w *Writer) frame(data []byte) error {
	start := len(w.frames)
	var header [headerSize]byte
	frames, err := w.compressor.compress(append(w.frames, header[:]...), data)
	if err != nil {
		return fmt.Errorf("compress %d bytes: %w", len(data), err)
	}
	w.frames = frames
	frame := frames[start:]
	frame[methodAt] = w.method
	binary.LittleEndian.PutUint32(frame[sizeAt:], uint32(len(frame)-checksumSize))
	binary.LittleEndian.PutUint32(frame[dataSizeAt:], uint32(len(data)))
	checksum := city.CH128(frame[checksumSize:])
	binary.LittleEndian.PutUint64(frame, checksum.Low)
	binary.LittleEndian.PutUint64(frame[8:], checksum.High)
	if len(frames) >= writeSize {
		return w.send()
	}
	return nil
}

func (w *Writer) send() error {
	_, err := w.to.Write(w.frames)
	w.frames = w.frames[:0]
	if err != nil {
		return fmt.Errorf("write compressed data: %w", err)
	}
	return nil
}

type zstandard struct{ *zstd.Encoder }

func (z zstandard) compress(buffer, data []byte) ([]byte, error) {
	return z.EncodeAll(data, buffer), nil
}

// high is LZ4 that looks for longer matches, of a level from 1 to 12.
type high struct{ lz4.CompressorHC }

func newHigh(level compress.Level) *high {
	if level == 0 {
		level = compress.LevelLZ4HCDefault
	}
	level = min(level, compress.LevelLZ4HCMax)
	return &high{lz4.CompressorHC{Level: lz4.CompressionLevel(1 << (8 + level))}}
}

func (h *high) compress(buffer, data []byte) ([]byte, error) {
	buffer, free := room(buffer, lz4.CompressBlockBound(len(data)))
	n, err := h.CompressBlock(data, free)
	return buffer[:len(buffer)+n], err
}

// room makes room for n bytes behind a buffer's contents.
func room(buffer []byte, n int) (grown, free []byte) {
	if cap(buffer)-len(buffer) < n {
		buffer = append(make([]byte, 0, len(buffer)+n+writeSize), buffer...)
	}
	return buffer, buffer[len(buffer) : len(buffer)+n]
}
