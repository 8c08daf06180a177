// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/cespare/xxhash/v2"
)

// Digester makes digests of columns. It is for one goroutine, and keeps its
// memory for the next one.
type Digester struct {
	hash   *xxhash.Digest
	buffer proto.Buffer
	writer *proto.Writer
}

// NewDigester makes a digester.
func NewDigester() *Digester {
	d := &Digester{hash: xxhash.New()}
	d.writer = proto.NewWriter(d.hash, &d.buffer)
	return d
}

// Reset forgets what was digested.
func (d *Digester) Reset() { d.hash.Reset() }

// Digest is a 64-bit xxHash of the columns' names and of what is sent of them,
// but for times of metrics: the precision of the server's table makes no
// difference. bytes is how many went into it: about as many as are sent, before
// they are compressed.
func (d *Digester) Digest(input proto.Input) (digest uint64, bytes int, err error) {
	d.Reset()
	for _, each := range input {
		d.writer.ChainBuffer(func(b *proto.Buffer) {
			b.PutString(each.Name)
			b.PutInt(each.Data.Rows())
		})
		d.column(each.Data)
		n, err := d.writer.Flush()
		if err != nil {
			return 0, 0, fmt.Errorf("hash the column %s: %w", each.Name, err)
		}
		bytes += int(n)
		d.buffer.Buf = emptied(d.buffer.Buf, 1)
	}
	return d.hash.Sum64(), bytes, nil
}

func (d *Digester) column(data proto.ColInput) {
	switch c := data.(type) {
	case *array:
		c.offsets.WriteColumn(d.writer)
		d.column(c.elements)
	case *pointTimes:
		c.nanoseconds.WriteColumn(d.writer)
	default:
		data.WriteColumn(d.writer)
	}
}
