// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"fmt"
	"time"
)

// ring is a row of buckets of one width.
type ring struct {
	width   time.Duration
	buckets int
	offset  int // of its first bucket among those of all rings
}

func (r ring) span() time.Duration { return r.width * time.Duration(r.buckets) }

const numRings = 4

// rings, finest first. Each width is a multiple of the one before, so what is in
// the newest bucket of the finest is in the newest of all.
var rings = [numRings]ring{
	{10 * time.Second, 420, 0},
	{time.Minute, 370, 420},
	{5 * time.Minute, 876, 790},
	{time.Hour, 840, 1666},
}

// numBuckets is how many buckets all rings have.
const numBuckets = 2506

// Shortest and Longest are the bounds of a window.
const (
	Shortest = 10 * time.Second
	Longest  = 840 * time.Hour
)

// Resolution is the width of the buckets of a window, by which it begins: that of
// the finest ring that holds it. It is an error if none does.
func Resolution(window time.Duration) (time.Duration, error) {
	i, err := ringOf(window)
	return rings[i].width, err
}

func ringOf(window time.Duration) (int, error) {
	if window < Shortest || window > Longest {
		return 0, fmt.Errorf("a window of %s is not within %s and %s", window, Shortest, Longest)
	}
	i := 0
	for window > rings[i].span() {
		i++
	}
	return i, nil
}

// Fit is the window next to the wanted one that begins with a bucket.
func Fit(window time.Duration) time.Duration {
	window = min(max(window, Shortest), Longest)
	i, _ := ringOf(window) // is within the bounds
	fitted := window.Round(rings[i].width)
	if fitted > rings[i].span() {
		fitted = rings[i].span()
	}
	return fitted
}

// planned is a window and where it is counted.
type planned struct {
	length  time.Duration
	ring    int
	buckets int64
}

// Plan is the windows that are asked for, each once, in the order given.
type Plan struct {
	windows []planned
	of      [numRings][]int // the windows of each ring
}

// NewPlan makes a plan. A window that none of the rings holds, or that is no
// multiple of its buckets' width, is an error.
func NewPlan(windows ...time.Duration) (*Plan, error) {
	p := &Plan{}
	for _, length := range windows {
		if p.Index(length) >= 0 {
			continue
		}
		i, err := ringOf(length)
		if err != nil {
			return nil, err
		}
		if length%rings[i].width != 0 {
			return nil, fmt.Errorf("a window of %s is counted in buckets of %s and is no multiple of that; use %s", length, rings[i].width, Fit(length))
		}
		p.of[i] = append(p.of[i], len(p.windows))
		p.windows = append(p.windows, planned{length, i, int64(length / rings[i].width)})
	}
	return p, nil
}

// Index is where the window is in the plan, -1 if it is not.
func (p *Plan) Index(window time.Duration) int {
	for i := range p.windows {
		if p.windows[i].length == window {
			return i
		}
	}
	return -1
}

// Len is how many windows the plan has.
func (p *Plan) Len() int { return len(p.windows) }

// Length is how long the window i is.
func (p *Plan) Length(i int) time.Duration { return p.windows[i].length }

// Buckets is how many buckets the window i has.
func (p *Plan) Buckets(i int) int { return int(p.windows[i].buckets) }
