// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"fmt"
	"time"
)

// Rule says when goroutines leak.
type Rule struct {
	// Threshold of live goroutines: more than these leak; 0 switches the rule off.
	Threshold int
	// Growth of one group over the dumps of a window that makes it leak, in
	// goroutines; 0 switches the rule off.
	Growth int
	// Dumps of a window: at least 3, at most MaxDumps.
	Dumps int
	// MinAge of the oldest goroutine of a group that leaks by growth.
	MinAge time.Duration
}

const (
	// MinDumps make two steps, the least of which something grows steadily.
	MinDumps = 3
	// MaxDumps bound what is kept of a group's history.
	MaxDumps = 60
)

// Validate returns every error of a rule, each naming its key.
func (r Rule) Validate() []error {
	var errs []error
	refuse := func(format string, arguments ...any) { errs = append(errs, fmt.Errorf(format, arguments...)) }
	if r.Threshold < 0 {
		refuse("threshold: %d is negative: want a number of goroutines, or 0 for none", r.Threshold)
	}
	if r.Growth < 0 {
		refuse("growth: %d is negative: want a number of goroutines, or 0 for none", r.Growth)
	}
	if r.Dumps < MinDumps || r.Dumps > MaxDumps {
		refuse("dumps: %d is not between %d and %d: it is over how many dumps a group must have grown", r.Dumps, MinDumps, MaxDumps)
	}
	if r.MinAge < 0 {
		refuse("min_age: %v is negative: want 0 for any age", r.MinAge)
	}
	return errs
}

// sample is a group in one dump.
type sample struct {
	at      int64 // nanoseconds since the tracker began
	settled int   // goroutines that the dump before had too
}

// history holds the newest samples of a group, the oldest first.
type history struct{ samples []sample }

func (h *history) add(s sample) {
	if len(h.samples) == MaxDumps {
		h.samples = append(h.samples[:0], h.samples[1:]...)
	}
	h.samples = append(h.samples, s)
}

// window is the newest n samples; there may be fewer.
func (h *history) window(n int) []sample {
	return h.samples[max(0, len(h.samples)-n):]
}

// growth says by how many goroutines a window grew, and whether it grew as a
// leak does. It looks at settled goroutines, those that were there a dump
// earlier: what comes and goes between two dumps does not count, however many
// there are at once. A leak only adds to them. So over the window
//
//   - they grew by at least least;
//   - nowhere did they fall, from one dump to the next, by more than a tenth of
//     what they grew in all: goroutines that leak never leave, but a few others
//     of the group may;
//   - they rose in at least two thirds of the steps, and no step brought more
//     than two thirds of the growth: a pool that was filled at once does not leak.
//
// It is pure, and does not depend on how far dumps are apart.
func growth(window []sample, least int) (grew int, leaks bool) {
	if len(window) < MinDumps || least <= 0 {
		return 0, false
	}
	steps := len(window) - 1
	grew = window[steps].settled - window[0].settled
	if grew < least {
		return grew, false
	}
	rising, highest := 0, 0
	for i := range steps {
		step := window[i+1].settled - window[i].settled
		if 10*step < -grew {
			return grew, false
		}
		if step > 0 {
			rising++
		}
		highest = max(highest, step)
	}
	return grew, 3*rising >= 2*steps && 3*highest <= 2*grew
}

// alarm is the state of one thing that may be told more than once: of a group's
// growth, or of a process's number of goroutines.
type alarm struct{ told int }

// due says whether a condition that holds with so many goroutines is to be told
// now: at first, and then each time they have doubled since it was told.
func (a *alarm) due(goroutines int) bool {
	if a.told > 0 && goroutines < 2*a.told {
		return false
	}
	a.told = goroutines
	return true
}

// rest makes an alarm as new once there are half as many goroutines as when it
// was told.
func (a *alarm) rest(goroutines int) {
	if 2*goroutines <= a.told {
		a.told = 0
	}
}
