// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// childrenOf are those that are known of all processes.
func childrenOf(t *testing.T, programs *Programs) map[goroutineKey]spansChild {
	t.Helper()
	found := map[goroutineKey]spansChild{}
	require.NoError(t, visit(programs.spans.Children, func(key goroutineKey, child *spansChild) { found[key] = *child }))
	return found
}

// Entries end with their goroutines, whichever probe sees that.
func TestChildrenAreForgottenAtTheirEnd(t *testing.T) {
	for name, probe := range map[string]plan.Probe{"by goexit0": plan.GoroutineStatus, "by casgstatus": plan.GoroutineEnds} {
		t.Run(name, func(t *testing.T) {
			programs, server := attachedTo(t, targettest.BuildCalls(t), Options{}, func(target *Target) { delete(target.Plan.Probes, probe) })
			for range 20 {
				_, _, err := server.Get("/children/files?n=50&path=/dev/null", nil)
				require.NoError(t, err)
			}
			require.Eventually(t, func() bool { return len(childrenOf(t, programs)) == 0 }, 30*time.Second, 20*time.Millisecond)
			require.Zero(t, counters(t, programs)[DroppedChildrenFull])
		})
	}
}

// The runtime's own goroutines are nobody's, in whatever span it starts them.
func TestTheRuntimesOwnGoroutinesInheritNothing(t *testing.T) {
	for name, test := range map[string]struct {
		known    bool
		children bool
	}{"known": {true, false}, "unknown, for contrast": {false, true}} {
		t.Run(name, func(t *testing.T) {
			programs, server := attachedTo(t, targettest.BuildCalls(t), Options{}, func(target *Target) {
				if !test.known {
					target.Plan.SystemStarts = nil
				}
			})
			_, _, err := server.Get("/children/runtime", nil)
			require.NoError(t, err)
			// net/http reads on a goroutine that it starts for each request: that ends.
			require.Eventually(t, func() bool { return (len(childrenOf(t, programs)) > 0) == test.children }, 30*time.Second, 20*time.Millisecond)
			time.Sleep(100 * time.Millisecond)
			t.Logf("%d goroutines stay", len(childrenOf(t, programs)))
			require.Equal(t, test.children, len(childrenOf(t, programs)) > 0)
		})
	}
}

// What does not fit is counted, and spans have their places still.
func TestMoreChildrenThanFit(t *testing.T) {
	programs, server := attached(t, Options{}, nil)
	room := programs.spans.Children.MaxEntries()
	_, _, err := server.Get("/leak?n=10000", nil)
	require.NoError(t, err)
	require.Len(t, childrenOf(t, programs), int(room))
	require.GreaterOrEqual(t, counters(t, programs)[DroppedChildrenFull], uint64(10000-room))
	requests(t, server, 3)
	require.Zero(t, counters(t, programs)[DroppedGoroutinesFull])
}
