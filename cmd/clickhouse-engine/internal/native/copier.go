// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"encoding/binary"
	"fmt"
	"io"
)

// chunkSize is how much a copier holds before it writes.
const chunkSize = 256 << 10

// copier moves bytes from src to dst through a bounded buffer, looking only at
// the lengths among them.
type copier struct {
	src Source
	dst io.Writer
	buf []byte
}

func (c *copier) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	_, err := c.dst.Write(c.buf)
	c.buf = c.buf[:0]
	return err
}

// room makes place for n bytes, n not above chunkSize, and returns it.
func (c *copier) room(n int) ([]byte, error) {
	if c.buf == nil {
		c.buf = make([]byte, 0, 4<<10)
	}
	if len(c.buf)+n > chunkSize {
		if err := c.flush(); err != nil {
			return nil, err
		}
	}
	start := len(c.buf)
	for cap(c.buf) < start+n {
		c.buf = append(c.buf[:cap(c.buf)], 0)[:start]
	}
	c.buf = c.buf[:start+n]
	return c.buf[start:], nil
}

// bytes copies n bytes.
func (c *copier) bytes(n uint64) error {
	for n > 0 {
		step := int(min(n, chunkSize/4))
		place, err := c.room(step)
		if err != nil {
			return err
		}
		if _, err := io.ReadFull(c.src, place); err != nil {
			return err
		}
		n -= uint64(step)
	}
	return nil
}

// fixed copies n values of the given width in bytes.
func (c *copier) fixed(n, width uint64) error {
	if width != 0 && n > (1<<62)/width {
		return fmt.Errorf("%d values of %d bytes do not fit in a block", n, width)
	}
	return c.bytes(n * width)
}

func (c *copier) uvarint() (uint64, error) {
	var value uint64
	for shift := uint(0); shift < 64; shift += 7 {
		b, err := c.src.ReadByte()
		if err != nil {
			return 0, err
		}
		place, err := c.room(1)
		if err != nil {
			return 0, err
		}
		place[0] = b
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return value, nil
		}
	}
	return 0, fmt.Errorf("a length is longer than 64 bits")
}

func (c *copier) uint64() (uint64, error) {
	place, err := c.room(8)
	if err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(c.src, place); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(place), nil
}

// text copies a string of at most limit bytes and returns it.
func (c *copier) text(limit uint64) (string, error) {
	n, err := c.uvarint()
	if err != nil {
		return "", err
	}
	if n > limit {
		return "", fmt.Errorf("a name claims %d bytes, more than %d", n, limit)
	}
	place, err := c.room(int(n))
	if err != nil {
		return "", err
	}
	_, err = io.ReadFull(c.src, place)
	return string(place), err
}

// texts copies n strings of any length.
func (c *copier) texts(n uint64) error {
	for range n {
		size, err := c.uvarint()
		if err != nil {
			return err
		}
		if err := c.bytes(size); err != nil {
			return err
		}
	}
	return nil
}

// offsets copies the n offsets of an array column and returns the last one,
// which is the number of its elements.
func (c *copier) offsets(n uint64) (uint64, error) {
	last := uint64(0)
	for range n {
		offset, err := c.uint64()
		if err != nil {
			return 0, err
		}
		if offset < last {
			return 0, fmt.Errorf("an array's offset %d comes after %d", offset, last)
		}
		last = offset
	}
	return last, nil
}
