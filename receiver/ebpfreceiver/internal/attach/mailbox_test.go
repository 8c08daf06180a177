// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

func event(kind discover.EventKind, p *discover.Process) discover.Event {
	return discover.Event{Kind: kind, Process: p}
}

func TestMailKeepsItsOrder(t *testing.T) {
	m, a, b := newMailbox(), &discover.Process{PID: 1}, &discover.Process{PID: 2}
	sent := []discover.Event{event(discover.Started, a), event(discover.Started, b), event(discover.Stopped, &discover.Process{PID: 3})}
	for _, e := range sent {
		require.False(t, m.put(e))
	}
	for _, want := range sent {
		got, ok := m.take(t.Context())
		require.True(t, ok)
		require.Equal(t, want, got)
	}
}

func TestAProcessThatEndsBeforeItsTurnLeavesTheQueue(t *testing.T) {
	m, short, next := newMailbox(), &discover.Process{PID: 1}, &discover.Process{PID: 1}
	m.put(event(discover.Started, short))
	m.put(event(discover.Started, next))
	require.True(t, m.put(event(discover.Stopped, short)))
	got, ok := m.take(t.Context())
	require.True(t, ok)
	require.Same(t, next, got.Process, "the next process with that ID stays")
	require.Empty(t, m.events)
}

func TestTakeWaitsAndEnds(t *testing.T) {
	m := newMailbox()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, ok := m.take(ctx)
	require.False(t, ok)
	m.put(event(discover.Started, &discover.Process{}))
	_, ok = m.take(ctx)
	require.False(t, ok, "a queue does not outlive its context")
}

func TestTableRemembersEndedProcessesForAWhile(t *testing.T) {
	table, now := newTable(), time.Now()
	first, second := &discover.Process{PID: 1}, &discover.Process{PID: 1}
	table.add(first, &plan.Plan{})
	table.end(first, now)
	got, ok := table.Process(1)
	require.True(t, ok)
	require.Same(t, first, got)
	require.Empty(t, table.Expire(now.Add(grace-1)))
	table.add(second, &plan.Plan{})
	require.Equal(t, []*discover.Process{first}, table.Expire(now.Add(grace)))
	got, ok = table.Process(1)
	require.True(t, ok)
	require.Same(t, second, got, "the end of one does not forget the next with its ID")
	_, ok = table.Process(2)
	require.False(t, ok)
}
