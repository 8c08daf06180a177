// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package footprint

import (
	"encoding/binary"
	"iter"
)

// An entry of /proc/PID/pagemap (the kernel's
// Documentation/admin-guide/mm/pagemap.rst).
const (
	entrySize = 8

	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61
)

// runs are the first page and the one after the last of each run of pages that are
// the file's, or not mapped, by entries of the pagemap. One that was written since,
// for a relocation or a breakpoint, is the process's own: it is never given up.
func runs(entries []byte) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		first, mapped := 0, false
		n := len(entries) / entrySize
		for i := range n {
			entry := binary.NativeEndian.Uint64(entries[i*entrySize:])
			own := entry&pageSwapped != 0 || entry&pagePresent != 0 && entry&pageOfFile == 0
			if own {
				if mapped && !yield(first, i) {
					return
				}
				first, mapped = i+1, false
				continue
			}
			mapped = mapped || entry&pagePresent != 0
		}
		if mapped {
			yield(first, n)
		}
	}
}
