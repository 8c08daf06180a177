// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"encoding/binary"
	"errors"
)

// Append writes the counts to b: the time, and of each ring the buckets that are not
// empty. The windows are not in it: they are summed up again.
func (c *Counts) Append(b []byte) []byte {
	c.settle()
	c.flush()
	b = binary.AppendVarint(b, c.now)
	for i, r := range rings {
		last := int64(-1)
		for age := range int64(r.buckets) {
			bucket := c.at(i, c.heads[i]-age)
			if *bucket == (Count{}) {
				continue
			}
			b = binary.AppendUvarint(b, uint64(age-last))
			b = binary.AppendUvarint(b, bucket.Bad)
			b = binary.AppendUvarint(b, bucket.Total)
			last = age
		}
		b = binary.AppendUvarint(b, 0)
	}
	return b
}

// ErrTruncated is that what was read ended too early or makes no sense.
var ErrTruncated = errors.New("counts are cut short or not what was written")

// Reader reads what was appended. After an error it reads zeros.
type Reader struct {
	rest []byte
	err  error
}

// NewReader reads from b.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// Err is what went wrong, if anything.
func (r *Reader) Err() error { return r.err }

// Rest is how many bytes are left.
func (r *Reader) Rest() int { return len(r.rest) }

// Fail makes the reader fail.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

// Uvarint reads what binary.AppendUvarint wrote.
func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	return took(r, v, n)
}

// Varint reads what binary.AppendVarint wrote.
func (r *Reader) Varint() int64 {
	v, n := binary.Varint(r.rest)
	return took(r, v, n)
}

func took[V uint64 | int64](r *Reader, v V, n int) V {
	if n <= 0 {
		r.Fail(ErrTruncated)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Bytes reads so many bytes, which stay those of what is read from.
func (r *Reader) Bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.Fail(ErrTruncated)
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// Counts reads counts, for a plan that may be another than that of the counts written.
func (r *Reader) Counts(plan *Plan) *Counts {
	c := NewCounts(plan, r.Varint())
	for i := range rings {
		age := int64(-1)
		for {
			step := r.Uvarint()
			if step == 0 {
				break
			}
			if step > uint64(rings[i].buckets) || age+int64(step) >= int64(rings[i].buckets) {
				r.Fail(ErrTruncated)
				return c
			}
			age += int64(step)
			n := Count{Bad: r.Uvarint(), Total: r.Uvarint()}
			c.put(i, age, c.at(i, c.heads[i]-age), n)
		}
	}
	return c
}

// Append writes the period to b.
func (p *Period) Append(b []byte) []byte {
	b = binary.AppendVarint(b, p.Begin)
	for _, n := range []Count{p.Running, p.Previous} {
		b = binary.AppendUvarint(b, n.Bad)
		b = binary.AppendUvarint(b, n.Total)
	}
	return b
}

// Period reads a period of that calendar. It is advanced to now.
func (r *Reader) Period(calendar *Calendar, now int64) *Period {
	p := NewPeriod(calendar, r.Varint())
	p.Running = Count{Bad: r.Uvarint(), Total: r.Uvarint()}
	p.Previous = Count{Bad: r.Uvarint(), Total: r.Uvarint()}
	p.Advance(now)
	return p
}
