// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import "time"

// ValueType is what a value counts, and its unit.
type ValueType struct{ Type, Unit string }

// CPUTime is how long a CPU executed, by the names that Go's own profiles have.
var CPUTime = ValueType{"cpu", "nanoseconds"}

// Profile is what was seen of one process in one interval. It does not change.
type Profile struct {
	Start, End time.Time
	// Types of the values that each sample has.
	Types []ValueType
	// Period between two samples, in units of PeriodType.
	Period     int64
	PeriodType ValueType
	// TextBegin and TextEnd are where the executable's Go code is, as linked.
	TextBegin, TextEnd uint64
	// Stacks, innermost place first, by which samples name them. One is empty
	// where the kernel could not read it.
	Stacks  [][]*Place
	Samples []Sample
}

// Sample is a stack and what was counted for it, of one owner.
type Sample struct {
	Stack int
	Owner
	Values []int64
}

// count is how many samples a profile has, which stand for a period each.
func (p *Profile) count() int {
	sum := int64(0)
	for _, s := range p.Samples {
		sum += s.Values[0] / p.Period
	}
	return int(sum)
}

// size is about what a profile takes in memory, in bytes. Places are the code's.
func (p *Profile) size() int {
	const profile, sample, slice, word = 200, 96, 24, 8
	size := profile + len(p.Samples)*(sample+len(p.Types)*word)
	for _, stack := range p.Stacks {
		size += slice + len(stack)*word
	}
	return size
}
