// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

// SQL is one query by database/sql, up to its first row.
type SQL struct {
	Span
	// Failed: there was an error instead of a result.
	Failed bool
	// Driver is its number in sqldriver.Known, from 1; 0 of another one.
	Driver uint32
	// Text is as the program gave it, with all literals.
	Text string
	// Cut: Text is the beginning, of at most 1023 bytes, or nothing of it.
	Cut bool
}

// Sizes and offsets in bytes: bpf/headers/records.h.
const (
	sqlDriver      = spanSize
	sqlTextLength  = sqlDriver + 4
	sqlWholeLength = sqlDriver + 8
	sqlText        = sqlDriver + 16
	sqlTextSize    = 1024
	sqlSize        = sqlText + sqlTextSize
	kindSQL        = 10
)

func decodeSQL(raw []byte) *SQL {
	length := u32(raw, sqlTextLength)
	return &SQL{
		Span:   decodeSpan(raw),
		Failed: u32(raw, spanFlags)&flagFailed != 0,
		Driver: u32(raw, sqlDriver),
		Text:   text(raw, sqlText, sqlTextSize, length),
		Cut:    u64(raw, sqlWholeLength) > uint64(length),
	}
}
