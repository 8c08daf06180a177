// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// Group is a group of goroutines in a dump.
type Group struct {
	Key
	// Count of goroutines; Settled are those that the dump before had too.
	Count, Settled int
	// StateText is the runtime's wait reason, such as "chan receive", or status.
	StateText string
	// ID of the oldest goroutine, and Parent of the one that created it.
	ID, Parent uint64
	// Age is for how long the oldest has been seen, Waiting for how long one has
	// been seen in this state without having run. Both are as of the dump, and
	// lower bounds.
	Age, Waiting time.Duration
	// Stack of one of them, innermost call first; empty where it was not read.
	Stack []goexec.Call
	// StackCut: the stack has more calls.
	StackCut bool
	// GoStatement created them; without a name where it is unknown.
	GoStatement goexec.Call

	number uint32 // of the tracker's group
}

// Watch looks at what a tracker has and tells leaks, each once.
type Watch struct {
	rule Rule
	live alarm
}

// NewWatch watches one process by a rule.
func NewWatch(rule Rule) *Watch { return &Watch{rule: rule} }

// By says which part of a rule a leak breaks.
type By string

const (
	// ByThreshold: the process has more goroutines than Rule.Threshold.
	ByThreshold By = "threshold"
	// ByGrowth: the group has grown steadily.
	ByGrowth By = "growth"
)

// Leak is a group that leaks; by threshold, the largest one.
type Leak struct {
	Group
	By By
	// Grew by so many settled goroutines in the Window; both are 0 by threshold.
	Grew   int
	Window time.Duration
}

// Leaks returns what is to be told of the last dump, the largest first.
func (w *Watch) Leaks(t *Tracker, layout *Layout) []Leak {
	var leaks []Leak
	if w.rule.Growth > 0 {
		for _, g := range t.groups {
			if leak, ok := w.growing(t, layout, g); ok {
				leaks = append(leaks, leak)
			}
		}
	}
	slices.SortFunc(leaks, func(a, b Leak) int { return byCount(a.Group, b.Group) })
	w.live.rest(t.live)
	if w.rule.Threshold > 0 && t.live > w.rule.Threshold && w.live.due(t.live) {
		for _, g := range t.Top(layout, 1) {
			leaks = append(leaks, Leak{Group: g, By: ByThreshold})
		}
	}
	return leaks
}

func (w *Watch) growing(t *Tracker, layout *Layout, g *group) (Leak, bool) {
	g.told.rest(g.count)
	window := g.history.window(w.rule.Dumps)
	if len(window) < w.rule.Dumps || time.Duration(t.now-g.oldest.seen) < w.rule.MinAge {
		return Leak{}, false
	}
	grew, leaks := growth(window, w.rule.Growth)
	if !leaks || !g.told.due(g.count) {
		return Leak{}, false
	}
	return Leak{
		Group: t.group(layout, g), By: ByGrowth, Grew: grew,
		Window: time.Duration(window[len(window)-1].at - window[0].at),
	}, true
}

// Top returns the n largest groups of the last dump, the largest first.
func (t *Tracker) Top(layout *Layout, n int) []Group {
	all := make([]*group, 0, len(t.groups))
	for _, g := range t.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *group) int { return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.id, b.id)) })
	groups := make([]Group, 0, min(n, len(all)))
	for _, g := range all[:min(n, len(all))] {
		groups = append(groups, t.group(layout, g))
	}
	return groups
}

func byCount(a, b Group) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Created, b.Created),
		cmp.Compare(a.Top, b.Top), cmp.Compare(a.State, b.State))
}

// group tells of a group with the source of its code.
func (t *Tracker) group(layout *Layout, g *group) Group {
	told := Group{
		Key: g.key, Count: g.count, Settled: g.settled, StateText: layout.state(g.key.State),
		ID: g.oldest.id, Parent: g.parent, StackCut: g.cut,
		number: g.id, Age: time.Duration(t.now - g.oldest.seen), Waiting: time.Duration(t.now - g.since),
	}
	for _, at := range g.frames {
		told.Stack = append(told.Stack, layout.calls(at)...)
	}
	if g.key.Created != 0 {
		told.GoStatement = layout.calls(g.key.Created)[0]
	}
	return told
}

// calls are those that stand at an instruction which a dump has met, innermost
// first; its address where they are unknown.
func (l *Layout) calls(at uint64) []goexec.Call {
	if found, _ := l.places.look(at); found != nil && len(found.calls) > 0 {
		return found.calls
	}
	return []goexec.Call{{Function: fmt.Sprintf("%#x", at)}}
}

// state is Go's text for a state.
func (l *Layout) state(s State) string {
	if s&stateIsStatus != 0 {
		return status(s &^ stateIsStatus).String()
	}
	if text := l.reasons[uint8(s)]; text != "" {
		return text
	}
	return waiting.String()
}
