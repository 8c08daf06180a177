// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"slices"
	"sync"
	"time"
)

// Kept are the profiles of the recent past, bounded by age and memory. It is
// safe for concurrent use.
type Kept[P comparable] struct {
	age   time.Duration
	bytes int

	mu    sync.Mutex
	used  int
	items []keptProfile[P] // oldest first
}

type keptProfile[P comparable] struct {
	process P
	profile *Profile
}

// NewKept keeps profiles of processes for that long, in at most so many bytes.
func NewKept[P comparable](age time.Duration, bytes int) *Kept[P] {
	return &Kept[P]{age: age, bytes: bytes}
}

// Add keeps a profile, whose end is later than that of all others. It returns how
// many samples of others, or of this one, had to make room though they were not
// too old.
func (k *Kept[P]) Add(process P, p *Profile) (evicted int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.items = append(k.items, keptProfile[P]{process, p})
	k.used += p.size()
	k.expire(p.End)
	for k.used > k.bytes {
		evicted += k.items[0].profile.count()
		k.drop()
	}
	return evicted
}

// expire drops what is too old now. The lock is held.
func (k *Kept[P]) expire(now time.Time) {
	for len(k.items) > 0 && now.Sub(k.items[0].profile.End) >= k.age {
		k.drop()
	}
}

// drop drops the oldest. The lock is held.
func (k *Kept[P]) drop() {
	k.used -= k.items[0].profile.size()
	k.items[0] = keptProfile[P]{}
	k.items = k.items[1:]
}

// Between are the profiles of a process that overlap a time and are not too old
// now, oldest first.
func (k *Kept[P]) Between(process P, from, to, now time.Time) []*Profile {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire(now)
	var found []*Profile
	for _, item := range k.items {
		if item.process == process && item.profile.Overlaps(from, to) {
			found = append(found, item.profile)
		}
	}
	return found
}

// Processes are those of which there are profiles that are not too old now, the
// latest first.
func (k *Kept[P]) Processes(now time.Time) []P {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire(now)
	var found []P
	for _, item := range slices.Backward(k.items) {
		if !slices.Contains(found, item.process) {
			found = append(found, item.process)
		}
	}
	return found
}

// Overlaps reports whether a profile has a part between two times.
func (p *Profile) Overlaps(from, to time.Time) bool {
	return p.Start.Before(to) && p.End.After(from)
}
