// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// Targets are killed before, while and after they are attached, with requests under
// way: the receiver forgets them, and observes the next.
func TestTargetsThatAreKilledAtAnyMoment(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	const kills = 40
	random := rand.New(rand.NewPCG(1, 2))
	for range kills {
		target := targettest.Start(t, binary)
		hammered := make(chan struct{})
		go func() {
			defer close(hammered)
			for {
				if _, _, err := target.Get("/sdk", nil); err != nil {
					return // it is dead
				}
			}
		}()
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		target.Kill()
		<-hammered
	}
	last := targettest.Start(t, binary)
	h.until(last, "/sleep/9", func() bool {
		for _, span := range h.spans() {
			if span.resource.AsRaw()["process.pid"] == int64(last.PID) {
				return true
			}
		}
		return false
	})
	h.awaitAttached(1)
	require.Eventually(t, func() bool {
		open, err := h.receiver.programs.OpenSpans()
		return err == nil && open == 0
	}, patience, tick, "nothing of the dead stays")
	vanished, failed := h.counter("attach_failures", "reason", "vanished"), h.counter("attach_failures", "", "")
	require.Equal(t, vanished, failed, "no failure but that they were dead")
	require.Empty(t, h.warnings())
	t.Logf("%d killed, %d of them before all probes were in place; %d spans lost with them", kills, vanished, h.counter("records_dropped", "reason", "process_detached"))
}

// lastPID is what the kernel gives the next process after.
const lastPID = "/proc/sys/kernel/ns_last_pid"

// A PID that is given to another process at once is that process's.
func TestAPIDThatIsUsedAgain(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	first := targettest.Start(t, binary)
	h.until(first, "/sleep/1", func() bool { return len(h.spans()) > 0 })
	end := h.hang(first)
	first.Kill()
	killed := time.Now()
	end()
	var second *targettest.Target
	for range 200 { // another process may take the PID
		require.NoError(t, os.WriteFile(lastPID, []byte(strconv.Itoa(first.PID-1)), 0o600), "this test needs root")
		if second = targettest.Start(t, binary); second.PID == first.PID {
			break
		}
		second.Kill()
	}
	require.Equal(t, first.PID, second.PID, "the PID could not be had again")
	h.until(second, "/sleep/2", func() bool {
		spans := h.spans()
		path, _ := spans[len(spans)-1].Attributes().Get("url.path")
		return path.Str() == "/sleep/2"
	})
	h.awaitAttached(1)
	for _, span := range h.spans() {
		if path, _ := span.Attributes().Get("url.path"); path.Str() != "/sleep/2" {
			continue
		}
		created, err := time.Parse(time.RFC3339Nano, span.resource.AsRaw()["process.creation.time"].(string))
		require.NoError(t, err)
		require.True(t, created.After(killed.Add(-100*time.Millisecond)), "the second's: created %v, the first killed %v", created, killed)
		require.True(t, span.StartTimestamp().AsTime().After(created))
	}
	require.EqualValues(t, 1, h.counter("records_dropped", "reason", "process_detached"), "the request that the first had open")
}
