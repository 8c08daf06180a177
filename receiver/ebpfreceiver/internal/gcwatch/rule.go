// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package gcwatch tells when a process's garbage collector disturbs it: by rules
// on stops of the world, on collections and on what goroutines must do for it. It
// has no clock and does no I/O.
package gcwatch

import (
	"fmt"
	"time"
)

// Rule is a condition on what happens within a time. Exactly one of PauseOver,
// Cycles and AssistPercent is set.
type Rule struct {
	// PauseOver: at least Times stops of the world were longer than this.
	PauseOver time.Duration
	Times     int
	// Cycles: at least so many collections ended.
	Cycles int
	// AssistPercent: spans that ended spent at least this part of their time on
	// marking for the collector, or on waiting until it let them allocate.
	AssistPercent float64
	Within        time.Duration
}

const (
	// MaxCount bounds what is remembered for a rule.
	MaxCount = 10_000
	// MinWithin and MaxWithin bound the time that a rule looks back.
	MinWithin, MaxWithin = 100 * time.Millisecond, time.Hour
)

// Kinds of rules, as telemetry names them.
const (
	ByPause  = "pause_over"
	ByCycles = "cycles"
	ByAssist = "assist_percent"
)

// Kind is the key of a valid rule that is set.
func (r Rule) Kind() string {
	switch {
	case r.PauseOver != 0:
		return ByPause
	case r.Cycles != 0:
		return ByCycles
	default:
		return ByAssist
	}
}

// Validate returns every error of a rule, each naming its key.
func (r Rule) Validate() []error {
	var errs []error
	refuse := func(format string, arguments ...any) { errs = append(errs, fmt.Errorf(format, arguments...)) }
	set := 0
	for _, is := range []bool{r.PauseOver != 0, r.Cycles != 0, r.AssistPercent != 0} {
		if is {
			set++
		}
	}
	if set != 1 {
		refuse("%s, %s, %s: %d of them are set: want one", ByPause, ByCycles, ByAssist, set)
	}
	if r.PauseOver < 0 {
		refuse("%s: %v is negative: want the length of a stop of the world", ByPause, r.PauseOver)
	}
	if r.PauseOver > 0 && (r.Times < 1 || r.Times > MaxCount) {
		refuse("times: %d is not between 1 and %d: it is how many stops of the world must be longer than %s", r.Times, MaxCount, ByPause)
	}
	if r.PauseOver == 0 && r.Times != 0 {
		refuse("times: it counts what is longer than %s, which is not set", ByPause)
	}
	if r.Cycles < 0 || r.Cycles > MaxCount {
		refuse("%s: %d is not between 1 and %d: it is a number of collections", ByCycles, r.Cycles, MaxCount)
	}
	if r.AssistPercent != 0 && !(r.AssistPercent > 0 && r.AssistPercent <= 100) {
		refuse("%s: %v is no share of the time of spans: want more than 0 and at most 100", ByAssist, r.AssistPercent)
	}
	if r.Within < MinWithin || r.Within > MaxWithin {
		refuse("within: %v is not between %v and %v", r.Within, MinWithin, MaxWithin)
	}
	return errs
}
