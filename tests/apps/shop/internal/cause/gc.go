// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"context"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// ballastMiB of pointers stay alive: each collection must visit them all.
	ballastMiB = 48
	// pressurePercent is GOGC while a request asks for pressure: the next
	// collection starts as soon as the last has ended.
	pressurePercent = 1
	chunkPointers   = 128 << 10
)

type leaf struct{ next *leaf }

// pressure makes the garbage collector charge its work to the goroutine that
// allocates: much to mark, and hardly any room until the collection must be done.
type pressure struct {
	ballast [][]*leaf
	changes chan int
	done    sync.WaitGroup
}

func newPressure() *pressure {
	p := &pressure{changes: make(chan int, 64)}
	leaves := make([]leaf, 4096)
	for range ballastMiB << 20 / 8 / chunkPointers {
		chunk := make([]*leaf, chunkPointers)
		for i := range chunk {
			chunk[i] = &leaves[i%len(leaves)]
		}
		p.ballast = append(p.ballast, chunk)
	}
	p.done.Go(p.setPercent)
	return p
}

// setPercent owns GOGC: low while at least one request asks for pressure. It is
// not the requests' own business because debug.SetGCPercent waits until the
// running collection has ended.
func (p *pressure) setPercent() {
	asking, normal := 0, 0
	for change := range p.changes {
		before := asking
		asking += change
		switch {
		case before == 0 && asking > 0:
			normal = debug.SetGCPercent(pressurePercent)
		case before > 0 && asking == 0:
			debug.SetGCPercent(normal)
		}
	}
	if asking > 0 {
		debug.SetGCPercent(normal)
	}
}

// run allocates small objects with pointers for d.
func (p *pressure) run(_ context.Context, d time.Duration) error {
	p.changes <- 1
	defer func() { p.changes <- -1 }()
	var list *leaf
	for deadline := time.Now().Add(d); time.Now().Before(deadline); {
		list = nil
		for range 64 {
			list = &leaf{next: list}
		}
	}
	_ = list
	return nil
}

func (p *pressure) close() {
	close(p.changes)
	p.done.Wait()
}
