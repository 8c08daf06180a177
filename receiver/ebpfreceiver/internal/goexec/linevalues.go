// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"fmt"
)

// value looks an offset in the text up in one of the tables of values by
// address, such as line numbers. A table is a list of pairs: the change of the
// value, zigzag-encoded and zero only at the start and the end, and the number
// of quanta for which the value holds, both variable-length (runtime.pcvalue and
// step in runtime/symtab.go). It is −1 where there is no table.
func (t lineTable) value(table uint32, f lineFunction, target uint64) (int32, error) {
	if table == 0 {
		return -1, nil
	}
	values := valueReader{table: t, at: t.header.values + uint64(table), left: maxValueTable}
	value, pc := int32(-1), f.entry
	for first := true; pc <= target; first = false {
		change, err := values.next()
		if err != nil {
			return 0, err
		}
		if change == 0 && !first {
			return 0, fmt.Errorf("%w: values end before the function", ErrTruncated)
		}
		run, err := values.next()
		if err != nil {
			return 0, err
		}
		value += int32(-(change & 1) ^ (change >> 1))
		pc += uint64(run) * t.quantum
	}
	return value, nil
}

// valueReader reads numbers through a small buffer, no more than left bytes.
type valueReader struct {
	table  lineTable
	at     uint64
	left   int
	buffer [64]byte
	rest   []byte
}

// next reads a number of seven bits a byte, the lowest first.
func (r *valueReader) next() (uint32, error) {
	value := uint32(0)
	for shift := 0; shift < 35; shift += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, err
		}
		value |= uint32(b&0x7f) << shift
		if b&0x80 == 0 {
			return value, nil
		}
	}
	return 0, fmt.Errorf("%w: a number of more than 32 bits", ErrTruncated)
}

func (r *valueReader) byte() (byte, error) {
	if len(r.rest) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b, nil
}

func (r *valueReader) fill() error {
	size := r.table.table.size
	if r.left <= 0 || r.at >= size {
		return fmt.Errorf("%w: values without an end", ErrTruncated)
	}
	n := min(uint64(len(r.buffer)), size-r.at)
	if err := r.table.read(r.table.table, r.at, r.buffer[:n]); err != nil {
		return err
	}
	r.at, r.left, r.rest = r.at+n, r.left-int(n), r.buffer[:n]
	return nil
}
