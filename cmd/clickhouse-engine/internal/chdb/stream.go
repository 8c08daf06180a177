// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package chdb

import (
	"errors"
	"unsafe"
)

// Rows is a running query whose output is fetched in chunks, so that a large
// result is never whole in memory.
type Rows struct {
	conn   *Conn
	handle unsafe.Pointer
}

// StreamQuery starts a query; its output comes from Rows.Next in format.
func (c *Conn) StreamQuery(sql, format string) (*Rows, error) {
	query, queryLen := bytesOf(sql)
	form, formLen := bytesOf(format)
	handle := c.lib.streamQuery(*c.handle, query, queryLen, form, formLen)
	if handle == nil {
		return nil, errors.New("the engine did not start the query")
	}
	if text := c.lib.resultError(handle); text != "" {
		c.lib.destroyResult(handle)
		return nil, parseError(text)
	}
	return &Rows{conn: c, handle: handle}, nil
}

// Next fetches the next chunk; a chunk without data ends the stream.
func (r *Rows) Next() (Result, error) {
	return r.conn.lib.take(r.conn.lib.streamFetch(*r.conn.handle, r.handle))
}

// Close ends the query, running or not, and frees it.
func (r *Rows) Close() {
	if r.handle == nil {
		return
	}
	r.conn.lib.streamCancelQuery(*r.conn.handle, r.handle)
	r.conn.lib.destroyResult(r.handle)
	r.handle = nil
}

// Insert is a running INSERT whose data is appended in chunks.
type Insert struct {
	lib    *Library
	handle unsafe.Pointer
}

// StreamInsert starts an INSERT statement that has neither a FORMAT clause nor
// data of its own; the data comes by Insert.Append in format.
func (c *Conn) StreamInsert(sql, format string) (*Insert, error) {
	query, queryLen := bytesOf(sql)
	form, formLen := bytesOf(format)
	insert := &Insert{lib: c.lib, handle: c.lib.streamInsert(*c.handle, query, queryLen, form, formLen)}
	if insert.handle == nil {
		return nil, errors.New("the engine did not start the INSERT")
	}
	if err := insert.err(); err != nil {
		insert.Close()
		return nil, err
	}
	return insert, nil
}

// Append hands the engine the next bytes of the data; it may wait for the
// engine to take them.
func (i *Insert) Append(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if i.lib.streamAppend(i.handle, &data[0], uintptr(len(data))) == 0 {
		return nil
	}
	if err := i.err(); err != nil {
		return err
	}
	return errors.New("the engine refused the data of the INSERT")
}

// Commit ends the data and waits until all of it is stored.
func (i *Insert) Commit() (Result, error) {
	return i.lib.take(i.lib.streamDone(i.handle))
}

// Close frees the INSERT; one that was not committed is cancelled.
func (i *Insert) Close() {
	if i.handle != nil {
		i.lib.destroyInsertStream(i.handle)
		i.handle = nil
	}
}

func (i *Insert) err() error {
	if text := i.lib.streamInsertError(i.handle); text != "" {
		return parseError(text)
	}
	return nil
}
