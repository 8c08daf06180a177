// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// again is a bench whose engine has the other's state.
func (b *bench) again(t *testing.T, o objective.Objective) (*bench, error) {
	next := newBench(t, o)
	next.now = b.now
	next.engine.Advance(b.now)
	return next, next.engine.Restore(0, b.engine.Append(0, nil))
}

// TestAnAlertKeepsFiringOverARestart with its start, cause and exemplars.
func TestAnAlertKeepsFiringOverARestart(t *testing.T) {
	o := page(objective.Objective{GroupBy: []string{"route"}, MaxGroups: 1})
	b := newBench(t, o)
	b.engine.Count(0, []string{"/a"}, &Event{Time: b.now, Duration: 5, Weight: window.One, Bad: true, Trace: [16]byte{1}, Span: [8]byte{2}})
	b.run(10*time.Second, 0, 1, "/b")
	before := b.engine.Alerts()
	require.Len(t, before, 2)
	require.Len(t, before[0].Exemplars, 1)
	next, err := b.again(t, o)
	require.NoError(t, err)
	after := next.engine.Alerts()
	for i := range after {
		after[i].Objective = before[i].Objective
	}
	assert.Equal(t, before, after)
	assert.Empty(t, next.engine.Evaluate(next.now), "nothing changed")
	assert.Len(t, next.run(2*time.Hour, 1000, 0, "/a"), 1, "and it resolves")
}

func TestAChangedDefinitionIsAnotherEpoch(t *testing.T) {
	b := newBench(t, page(objective.Objective{}))
	b.run(time.Minute, 10, 0)
	next, err := b.again(t, page(objective.Objective{Service: "shop"}))
	assert.ErrorIs(t, err, ErrEpoch)
	for f := range next.engine.Figures {
		assert.Zero(t, f.Ever)
	}
	stricter := page(objective.Objective{})
	stricter.Target = 99.99
	_, err = b.again(t, stricter)
	assert.NoError(t, err, "what was counted is the same under another target")
}

// TestACorruptStateIsRefused: whatever bit is another, and wherever it ends.
func TestACorruptStateIsRefused(t *testing.T) {
	o := page(objective.Objective{GroupBy: []string{"route"}})
	b := newBench(t, o)
	b.run(time.Minute, 3, 2, "/a")
	state := b.engine.Append(0, nil)
	require.NoError(t, b.engine.Restore(0, state))
	alerts := b.engine.Alerts()
	for i := range state {
		state[i] ^= 0x10
		assert.ErrorIs(t, b.engine.Restore(0, state), ErrCorrupt, "byte %d", i)
		state[i] ^= 0x10
		assert.ErrorIs(t, b.engine.Restore(0, state[:i]), ErrCorrupt, "%d bytes", i)
	}
	assert.Equal(t, alerts, b.engine.Alerts(), "the engine is as it was")
}

func TestSeen(t *testing.T) {
	s := NewSeen(1000)
	random := rand.New(rand.NewPCG(1, 1))
	id := func() (trace [16]byte, span [8]byte) {
		for i := range span {
			trace[i], trace[i+8], span[i] = byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())
		}
		return trace, span
	}
	type ids struct {
		trace [16]byte
		span  [8]byte
	}
	var all []ids
	for range 10_000 {
		trace, span := id()
		require.False(t, s.Again(trace, span))
		all = append(all, ids{trace, span})
		old := all[max(0, len(all)-500)]
		require.True(t, s.Again(old.trace, old.span), "one of the last 500")
	}
	assert.False(t, s.Again(all[0].trace, all[0].span), "the first is forgotten")
	assert.Len(t, s.newer.slots, 1024)
}
