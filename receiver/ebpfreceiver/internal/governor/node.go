// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package governor

import "time"

const (
	// adjustment is how often the node's scale is set.
	adjustment = time.Second
	// leastScale keeps the scale from a value that it would not come back from.
	leastScale = 0.001
)

// node scales down what all processes may spend until their probes together cost
// no more than the node's budget.
type node struct {
	budget float64 // cores
	scale  float64
	cost   time.Duration // since begun
	begun  time.Time
}

// add enters what probes cost and returns the scale.
func (n *node) add(cost time.Duration, now time.Time) float64 {
	n.cost += cost
	if n.begun.IsZero() {
		n.begun = now
	}
	elapsed := now.Sub(n.begun)
	if elapsed < adjustment {
		return n.scale
	}
	// What is over is taken back by half at most, and given again by a quarter,
	// since what processes do changes from one second to the next.
	change := 1.25
	if spent := float64(n.cost) / float64(elapsed); spent > 0 {
		change = min(max(n.budget/spent, 0.5), 1.25)
	}
	n.scale = min(max(n.scale*change, leastScale), 1)
	n.cost, n.begun = 0, now
	return n.scale
}
