// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"sync"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
)

// mailbox queues events for the attacher, so that discovery never waits for the
// kernel. A process that ends before its turn leaves the queue: thousands of
// short-lived processes cost no attachment.
type mailbox struct {
	mu      sync.Mutex
	events  []discover.Event
	arrived chan struct{} // holds one token while events wait
}

func newMailbox() *mailbox { return &mailbox{arrived: make(chan struct{}, 1)} }

// put queues an event. It reports true where the event took back one that was
// still waiting: neither will be seen.
func (m *mailbox) put(e discover.Event) (vanished bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Kind == discover.Stopped {
		for i, waiting := range m.events {
			if waiting.Kind == discover.Started && waiting.Process == e.Process {
				m.events = append(m.events[:i], m.events[i+1:]...)
				return true
			}
		}
	}
	m.events = append(m.events, e)
	select {
	case m.arrived <- struct{}{}:
	default:
	}
	return false
}

// take returns the oldest event, waiting for one. It reports false when ctx is done.
func (m *mailbox) take(ctx context.Context) (discover.Event, bool) {
	for ctx.Err() == nil {
		if e, ok := m.pop(); ok {
			return e, true
		}
		select {
		case <-ctx.Done():
		case <-m.arrived:
		}
	}
	return discover.Event{}, false
}

func (m *mailbox) pop() (discover.Event, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.events) == 0 {
		return discover.Event{}, false
	}
	e := m.events[0]
	m.events = m.events[1:]
	return e, true
}
