// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package chdb

import (
	"errors"
	"unsafe"
)

// Result is the output of a statement, or one chunk of it, copied out of the
// engine's memory.
type Result struct {
	// Data is the output in the format that was asked for.
	Data []byte
	// RowsRead and BytesRead count what was read from storage.
	RowsRead, BytesRead uint64
	// RowsWritten and BytesWritten count what was written, with the rows that
	// went through materialized views.
	RowsWritten, BytesWritten uint64
}

// take copies a result out of the engine and frees it there.
func (l *Library) take(handle unsafe.Pointer) (Result, error) {
	if handle == nil {
		return Result{}, errors.New("the engine returned no result")
	}
	defer l.destroyResult(handle)
	if text := l.resultError(handle); text != "" {
		return Result{}, parseError(text)
	}
	result := Result{
		RowsRead:     l.resultStorageRows(handle),
		BytesRead:    l.resultStorageBytes(handle),
		RowsWritten:  l.resultRowsWritten(handle),
		BytesWritten: l.resultBytesWritten(handle),
	}
	if length := l.resultLength(handle); length > 0 {
		result.Data = append([]byte(nil), unsafe.Slice(l.resultBuffer(handle), length)...)
	}
	return result, nil
}
