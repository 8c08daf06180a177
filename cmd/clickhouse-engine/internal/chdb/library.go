// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package chdb

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Library is a loaded libchdb.so: its C functions, bound to Go. The signatures
// are those of programs/local/chdb.h in chdb-io/chdb-core at 26.7. A process
// loads it once; it can not be unloaded.
type Library struct {
	setSignalHandlers   func(enabled int32)
	connect             func(argc int32, argv **byte) *unsafe.Pointer
	closeConn           func(conn *unsafe.Pointer)
	query               func(conn unsafe.Pointer, query *byte, queryLen uintptr, format *byte, formatLen uintptr) unsafe.Pointer
	streamQuery         func(conn unsafe.Pointer, query *byte, queryLen uintptr, format *byte, formatLen uintptr) unsafe.Pointer
	streamFetch         func(conn, stream unsafe.Pointer) unsafe.Pointer
	streamCancelQuery   func(conn, stream unsafe.Pointer)
	destroyResult       func(result unsafe.Pointer)
	streamInsert        func(conn unsafe.Pointer, query *byte, queryLen uintptr, format *byte, formatLen uintptr) unsafe.Pointer
	streamAppend        func(stream unsafe.Pointer, data *byte, length uintptr) int32
	streamDone          func(stream unsafe.Pointer) unsafe.Pointer
	streamInsertError   func(stream unsafe.Pointer) string
	destroyInsertStream func(stream unsafe.Pointer)
	resultBuffer        func(result unsafe.Pointer) *byte
	resultLength        func(result unsafe.Pointer) uintptr
	resultError         func(result unsafe.Pointer) string
	resultStorageRows   func(result unsafe.Pointer) uint64
	resultStorageBytes  func(result unsafe.Pointer) uint64
	resultRowsWritten   func(result unsafe.Pointer) uint64
	resultBytesWritten  func(result unsafe.Pointer) uint64
	classify            func(conn unsafe.Pointer, sql *byte, sqlLen uintptr, database *byte, databaseLen uintptr, out *analysis) int32
}

// Open loads the library from path and binds every function that the engine
// uses. A library that lacks one of them (an older version) is refused with
// the name of what is missing.
func Open(path string) (*Library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", path, err)
	}
	lib := &Library{}
	for name, function := range lib.symbols() {
		address, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("%s has no %s, it is not the pinned version: %w", path, name, err)
		}
		purego.RegisterFunc(function, address)
	}
	// The Go runtime owns the signal handlers of the process: it preempts
	// goroutines by signal and turns faults into panics.
	lib.setSignalHandlers(0)
	return lib, nil
}

func (l *Library) symbols() map[string]any {
	return map[string]any{
		"chdb_set_signal_handlers_enabled": &l.setSignalHandlers,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConn,
		"chdb_query_n":                     &l.query,
		"chdb_stream_query_n":              &l.streamQuery,
		"chdb_stream_fetch_result":         &l.streamFetch,
		"chdb_stream_cancel_query":         &l.streamCancelQuery,
		"chdb_destroy_query_result":        &l.destroyResult,
		"chdb_stream_insert_n":             &l.streamInsert,
		"chdb_stream_append":               &l.streamAppend,
		"chdb_stream_done":                 &l.streamDone,
		"chdb_stream_insert_error":         &l.streamInsertError,
		"chdb_destroy_insert_stream":       &l.destroyInsertStream,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_error":                &l.resultError,
		"chdb_result_storage_rows_read":    &l.resultStorageRows,
		"chdb_result_storage_bytes_read":   &l.resultStorageBytes,
		"chdb_result_rows_written":         &l.resultRowsWritten,
		"chdb_result_bytes_written":        &l.resultBytesWritten,
		"chdb_classify_query_n":            &l.classify,
	}
}
