// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"slices"
	"sync"
	"time"
)

const (
	// maxKept is how many emptied things wait to be used again, at most.
	maxKept = 16
	// keptFor is how long one waits that nobody takes.
	keptFor = time.Minute
)

// kept keeps emptied blocks for reuse: their columns are the exporter's largest
// allocations. A sync.Pool loses them to the garbage collector, which runs many times
// a second under load. What was used last is taken first, so that those that the load
// no longer needs grow old, and are let go.
type kept[T interface{ Reset() }] struct {
	fresh func() T

	mu   sync.Mutex
	idle []idle[T]
	// pruned is set while a timer runs that lets old ones go. It ends by itself once
	// there are none.
	pruned bool
}

type idle[T any] struct {
	thing T
	since time.Time
}

func newKept[T interface{ Reset() }](fresh func() T) *kept[T] { return &kept[T]{fresh: fresh} }

// take is one that is empty.
func (k *kept[T]) take() T {
	k.mu.Lock()
	last := len(k.idle) - 1
	if last < 0 {
		k.mu.Unlock()
		return k.fresh()
	}
	defer k.mu.Unlock()
	thing := k.idle[last].thing
	k.idle = slices.Delete(k.idle, last, last+1)
	return thing
}

// put empties one and keeps it.
func (k *kept[T]) put(thing T) {
	thing.Reset()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.idle) == maxKept {
		return
	}
	k.idle = append(k.idle, idle[T]{thing, time.Now()})
	k.pruneLater()
}

// pruneLater has old ones let go. The caller holds the lock.
func (k *kept[T]) pruneLater() {
	if k.pruned || len(k.idle) == 0 {
		return
	}
	k.pruned = true
	time.AfterFunc(keptFor, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.pruned = false
		k.idle = slices.DeleteFunc(k.idle, func(one idle[T]) bool { return time.Since(one.since) >= keptFor })
		k.pruneLater()
	})
}
