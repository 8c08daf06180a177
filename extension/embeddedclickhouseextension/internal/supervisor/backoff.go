// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervisor

import "time"

// backoff is the wait before the next start: it doubles with each one, and
// begins anew once an engine has run for long.
type backoff struct {
	initial, max time.Duration
	current      time.Duration
}

// next is the wait before the start that comes now.
func (b *backoff) next() time.Duration {
	if b.current == 0 {
		b.current = b.initial
		return b.current
	}
	b.current = min(2*b.current, b.max)
	return b.current
}

// ran says how long the engine ran before it died.
func (b *backoff) ran(d time.Duration) {
	const lengthsThatCount = 6
	if d > lengthsThatCount*b.max {
		b.current = 0
	}
}
