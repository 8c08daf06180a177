// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
)

// The kernel begins a walk anew when the entry at which it stands is deleted.
func TestForgetWhileAnotherProcessIsBusy(t *testing.T) {
	programs, err := Load(Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, programs.Close()) }()
	const mine, other = 1 << 30, 1<<30 + 1
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for worker := range uint64(2) {
		busy.Go(func() { churn(programs.spans.Goroutines, other, worker<<32, stop) })
	}
	defer busy.Wait()
	defer close(stop)

	const goroutines, rounds = 300, 20
	for range rounds {
		for g := range uint64(goroutines) {
			require.NoError(t, programs.spans.Goroutines.Put(goroutineKey{G: g, TGID: mine}, spansGoroutine{Depth: 1}))
			require.NoError(t, programs.spans.Threads.Put(uint32(g), goroutineKey{G: g, TGID: mine}))
		}
		open, err := (&Attachment{programs: programs, pid: mine}).forget()
		require.NoError(t, err)
		require.Equal(t, goroutines, open)
		left := 0
		require.NoError(t, visit(programs.spans.Goroutines, func(key goroutineKey, _ *spansGoroutine) {
			if key.TGID == mine {
				left++
			}
		}))
		require.Zero(t, left)
	}
}

// churn adds and removes entries of a process until stop is closed.
func churn(m *ebpf.Map, tgid uint32, first uint64, stop <-chan struct{}) {
	var value spansGoroutine
	for g := first; ; g++ {
		select {
		case <-stop:
			return
		default:
		}
		_ = m.Put(goroutineKey{G: g, TGID: tgid}, &value) // the map has room, and what matters is the load
		if g-first >= 64 {
			_ = m.Delete(goroutineKey{G: g - 64, TGID: tgid})
		}
	}
}

// Of what was under way, and the texts of queries, nothing of the process stays.
func TestWhatWasUnderWayIsForgotten(t *testing.T) {
	programs, err := Load(Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, programs.Close()) }()
	own, other := goroutineKey{G: 1, TGID: 1 << 30}, goroutineKey{G: 1, TGID: 1<<30 + 1}
	maps := []*ebpf.Map{programs.spans.EndingSpans, programs.sql.QueryTexts, programs.setup.Setups}
	for _, m := range maps {
		for _, key := range []goroutineKey{own, other} {
			require.NoError(t, m.Put(key, make([]byte, m.ValueSize())), m)
		}
	}
	_, err = (&Attachment{programs: programs, pid: own.TGID}).forget()
	require.NoError(t, err)
	for _, m := range maps {
		value := make([]byte, m.ValueSize())
		require.ErrorIs(t, m.Lookup(own, &value), ebpf.ErrKeyNotExist, m)
		require.NoError(t, m.Lookup(other, &value), m)
	}
}
