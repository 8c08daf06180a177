// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
)

// reloadGrace is how long an estate waits for a receiver. A reload shuts all
// components down and starts them again, the receivers first and last: exporters
// empty their queues meanwhile, an embedded engine starts.
const reloadGrace = 30 * time.Second

// heirs keeps estates by the ID of their receivers, each until it is taken or the
// grace is over: then its timer closes it. While it waits it is descriptors and
// memory, no goroutine; a process that ends before has them closed by the kernel.
type heirs struct {
	grace time.Duration

	mu   sync.Mutex
	left map[component.ID]*bequest
}

type bequest struct {
	*estate
	timer *time.Timer
}

func newHeirs(grace time.Duration) *heirs {
	return &heirs{grace: grace, left: make(map[component.ID]*bequest)}
}

// leave keeps an estate. One that waits already, of another collector in this
// process, is closed. Failed is told where closing fails.
func (h *heirs) leave(id component.ID, e *estate, failed func(error)) {
	h.mu.Lock()
	before := h.left[id]
	b := &bequest{estate: e}
	b.timer = time.AfterFunc(h.grace, func() { h.expire(id, b, failed) })
	h.left[id] = b
	h.mu.Unlock()
	if before != nil && before.timer.Stop() {
		if err := before.close(); err != nil {
			failed(err)
		}
	}
}

// take returns what was left for an ID, nil if nothing. It is the caller's.
func (h *heirs) take(id component.ID) *estate {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.left[id]
	delete(h.left, id)
	if b == nil || !b.timer.Stop() {
		return nil // it is being closed
	}
	return b.estate
}

func (h *heirs) expire(id component.ID, b *bequest, failed func(error)) {
	h.mu.Lock()
	if h.left[id] == b {
		delete(h.left, id)
	}
	h.mu.Unlock()
	if err := b.close(); err != nil {
		failed(err)
	}
}
