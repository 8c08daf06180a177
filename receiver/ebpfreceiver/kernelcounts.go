// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"sync"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
)

// kernelCounts are what is counted outside of the receiver's own goroutines.
// They outlive the programs: the Collector collects its metrics a last time
// after its components were shut down, and what was lost at the end is in that.
type kernelCounts struct {
	mu   sync.Mutex
	read func() (metadata.Kernel, error)
}

func (k *kernelCounts) get() (metadata.Kernel, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.read()
}

// freeze reads the counts a last time. From then on they stay as they are.
func (k *kernelCounts) freeze() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	last, err := k.read()
	k.read = func() (metadata.Kernel, error) { return last, err }
	return err
}
