// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"sync"
	"time"
)

const (
	// pressureMin and pressureMax are how long all inserts pause after ClickHouse
	// said that it is overloaded: twice as long each time that it says so again.
	pressureMin = 500 * time.Millisecond
	pressureMax = 30 * time.Second
)

// pressure holds all of an exporter's consumers back while ClickHouse is
// overloaded (too many parts, no memory): then each insert makes it worse. After
// a pause one of them tries; when it succeeds, all go on. Data waits in the queue
// meanwhile, and a queue that is full says so to who sends.
type pressure struct {
	mu sync.Mutex
	// pause is 0 without pressure.
	pause time.Duration
	until time.Time
	// trying is set while one insert finds out whether it is over.
	trying bool
}

// admit is how long to wait before one may ask again, 0 for now.
func (p *pressure) admit(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.pause == 0:
		return 0
	case now.Before(p.until):
		return p.until.Sub(now)
	case p.trying:
		return pressureMin
	}
	p.trying = true
	return 0
}

// rise begins a pause, after ClickHouse said that it is overloaded, and is its
// length. What was under way when another pause began prolongs nothing.
func (p *pressure) rise(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.until) {
		return p.until.Sub(now)
	}
	p.pause = min(max(2*p.pause, pressureMin), pressureMax)
	p.until, p.trying = now.Add(p.pause), false
	return p.pause
}

// fall ends the pressure: an insert succeeded.
func (p *pressure) fall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause, p.trying = 0, false
}

// undecided has another insert try: the last one failed for another reason.
func (p *pressure) undecided() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trying = false
}
