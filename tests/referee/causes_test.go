// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/tests/referee/mark"
)

// wait is how long the programs spend on their cause.
const wait = 50 * time.Millisecond

// TestEachCause runs a small program for each cause under the tracer and reads
// the real trace.
func TestEachCause(t *testing.T) {
	for _, test := range []struct {
		name string
		want ledger.Cause
		// percent of the span that the cause takes at least. Where the program
		// competes with others for a P, a busy machine leaves it less.
		percent uint64
		run     func(t *testing.T) func()
	}{
		{"computing", ledger.OnCPU, 20, computing},
		{"waiting for a P", ledger.Runnable, 20, waitingForP},
		{"writing a file", ledger.SyscallFile, 50, writingFile},
		{"writing to a socket", ledger.SyscallNetwork, 20, writingSocket},
		{"another system call", ledger.SyscallOther, 50, napping},
		{"reading from a socket", ledger.BlockedNetwork, 50, readingSocket},
		{"HTTP/1 client", ledger.BlockedNetwork, 50, func(t *testing.T) func() { return httpClient(t, false) }},
		{"HTTP/2 client", ledger.BlockedNetwork, 50, func(t *testing.T) func() { return httpClient(t, true) }},
		{"gRPC client", ledger.BlockedNetwork, 50, grpcClient},
		{"receiving", ledger.BlockedChannel, 50, receiving},
		{"sending", ledger.BlockedChannel, 50, sending},
		{"select", ledger.BlockedSelect, 50, selecting},
		{"Mutex", ledger.BlockedMutex, 50, locking},
		{"RWMutex read", ledger.BlockedMutex, 50, readLocking},
		{"WaitGroup", ledger.BlockedSync, 50, waitingForGroup},
		{"Cond", ledger.BlockedSync, 50, waitingForCond},
		{"sleep", ledger.Sleep, 50, func(*testing.T) func() { return func() { time.Sleep(wait) } }},
		{"mark assists", ledger.GCAssist, 2, allocating},
		{"until a collection ends", ledger.GCAssist, 20, collecting},
		{"stopping the world", ledger.StopTheWorld, 20, stopping},
	} {
		t.Run(test.name, func(t *testing.T) {
			program := test.run(t)
			spans := spansOf(t, func() { mark.Region(t.Context(), id(1), program) })
			span, ok := spans[id(1)]
			require.True(t, ok, "the span must be found")
			require.Greater(t, 100*span.Ledger[test.want], test.percent*uint64(span.Duration), "%v", span.Ledger)
			require.Less(t, 20*span.Ledger[ledger.Unattributed], uint64(span.Duration), "%v", span.Ledger)
		})
	}
}

// TestStoppedByAnother: a goroutine that is ready to run while another one
// stops the world loses its time to that.
func TestStoppedByAnother(t *testing.T) {
	stop := stopping(t)
	spans := spansOf(t, func() {
		var both sync.WaitGroup
		both.Go(stop)
		both.Go(func() { mark.Region(t.Context(), id(1), func() { spin(wait) }) })
		both.Wait()
	})
	require.Greater(t, spans[id(1)].Ledger[ledger.StopTheWorld], uint64(wait/10), "%v", spans[id(1)].Ledger)
}
