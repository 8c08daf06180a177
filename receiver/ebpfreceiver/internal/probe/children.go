// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import "fmt"

// Traces are those of the process's live goroutines that were started within a
// span, by the goroutine's ID.
func (p *Programs) Traces(pid int) (map[uint64][16]byte, error) {
	traces := map[uint64][16]byte{}
	err := visit(p.spans.Children, func(key goroutineKey, child *spansChild) {
		if int(key.TGID) == pid && child.Handed == 0 {
			traces[child.Id] = child.TraceId
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading the traces of goroutines of process %d: %w", pid, err)
	}
	return traces, nil
}
