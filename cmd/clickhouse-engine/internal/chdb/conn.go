// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package chdb

import (
	"fmt"
	"unsafe"
)

// Conn is one session of the engine: it has a current database, settings and
// temporary tables of its own, and runs one statement at a time. It is not for
// use by several goroutines at once.
type Conn struct {
	lib    *Library
	handle *unsafe.Pointer
}

// Connect opens a session on the storage at path. The first session boots the
// engine with arguments (each "--name=value"); later ones must name the same
// path, since the engine has one storage path per process.
func (l *Library) Connect(path string, arguments ...string) (*Conn, error) {
	argv := append([]string{"clickhouse", "--path=" + path}, arguments...)
	pointers := make([]*byte, len(argv)+1)
	for i, argument := range argv {
		pointers[i] = &append([]byte(argument), 0)[0]
	}
	handle := l.connect(int32(len(argv)), &pointers[0])
	if handle == nil || *handle == nil {
		return nil, fmt.Errorf("the engine did not open the storage at %s", path)
	}
	return &Conn{lib: l, handle: handle}, nil
}

// Close ends the session.
func (c *Conn) Close() {
	if c.handle != nil {
		c.lib.closeConn(c.handle)
		c.handle = nil
	}
}

// Query runs a statement to its end and returns its whole output in format.
func (c *Conn) Query(sql, format string) (Result, error) {
	query, queryLen := bytesOf(sql)
	form, formLen := bytesOf(format)
	return c.lib.take(c.lib.query(*c.handle, query, queryLen, form, formLen))
}

// Class says what a statement does to state that outlives it.
type Class uint32

// The classes of chdb_query_class in chdb.h.
const (
	ReadOnly Class = iota
	Mutating
	MutatingGlobal
	Control
	Unknown
)

// analysis is chdb_query_analysis_v1.
type analysis struct {
	structSize     uint32
	statementCount uint32
	flags          uint32
	queryClass     uint32
}

// Classify parses a statement without running it.
func (c *Conn) Classify(sql string) Class {
	out := analysis{structSize: uint32(unsafe.Sizeof(analysis{}))}
	query, queryLen := bytesOf(sql)
	if c.lib.classify(*c.handle, query, queryLen, nil, 0, &out) != 0 {
		return Unknown
	}
	return Class(out.queryClass)
}

// bytesOf gives C a pointer to the bytes of s and their number; the pointer is
// never nil, because an empty text is not an absent one.
func bytesOf(s string) (*byte, uintptr) {
	if s == "" {
		return new(byte), 0
	}
	return unsafe.StringData(s), uintptr(len(s))
}
