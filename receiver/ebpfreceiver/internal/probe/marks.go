// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
)

// observedBits is OBSERVED_BITS of bpf/headers/process.h.
const observedBits = 65536

// marks are the bits of the IDs of observed processes, by which the programs of
// the whole host pass all others over. It is safe for concurrent use.
type marks struct {
	mu        sync.Mutex
	processes map[uint32]int // by bit
}

// add sets the bit of a process, and remove clears it when it was the last that had
// it.
func (m *marks) add(bits *ebpf.Map, pid uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	bit := pid % observedBits
	if m.processes[bit] == 0 {
		if err := write(bits, bit, true); err != nil {
			return err
		}
	}
	if m.processes == nil {
		m.processes = make(map[uint32]int)
	}
	m.processes[bit]++
	return nil
}

func (m *marks) remove(bits *ebpf.Map, pid uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	bit := pid % observedBits
	if m.processes[bit] > 1 {
		m.processes[bit]--
		return nil
	}
	delete(m.processes, bit)
	return write(bits, bit, false)
}

func write(bits *ebpf.Map, bit uint32, value bool) error {
	var word uint64
	err := bits.Lookup(bit/64, &word)
	if value {
		word |= 1 << (bit % 64)
	} else {
		word &^= 1 << (bit % 64)
	}
	if err == nil {
		err = bits.Put(bit/64, word)
	}
	if err != nil {
		return fmt.Errorf("telling the programs which processes are observed: %w", err)
	}
	return nil
}
