// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// work is what was recorded of one request, and of the file that its worker opened.
type work struct {
	handOvers int
	request   [16]byte
	file      *record.File
}

// works are what waits in the buffer, by the request's last name.
func works(t *testing.T, programs *Programs) map[string]work {
	t.Helper()
	all := map[string]work{}
	for _, r := range readAll(t, programs) {
		switch r := r.(type) {
		case *record.Request:
			name := filepath.Base(r.Path)
			all[name] = work{handOvers: r.HandOvers, request: r.TraceID, file: all[name].file}
		case *record.File:
			if r.Operation == record.FileOpen {
				w := all[filepath.Base(r.Path)]
				w.file = r
				all[filepath.Base(r.Path)] = w
			}
		}
	}
	return all
}

// While there are no probes on the scheduler no end of work would be seen: none is
// taken, what was taken ends, and what comes later is told from it.
func TestWorkEndsWithTheProbesOnTheScheduler(t *testing.T) {
	events := NoEvents()
	events.FileMinDuration = 0
	s := withTiersOf(t, targettest.BuildPools(t, "local"), events, "POOLS_FOLDER="+t.TempDir())
	followed := func(w work) {
		t.Helper()
		require.Equal(t, 1, w.handOvers)
		require.NotZero(t, w.request)
		require.Equal(t, w.request, w.file.TraceID)
		require.Equal(t, record.InheritedOpen, w.file.Inherited)
	}
	s.set(TierScheduler)
	s.get("/unbuffered/before")
	followed(works(t, s.programs)["before"])

	answered := make(chan error, 1)
	go func() {
		_, _, err := s.server.Get("/held/held", nil)
		answered <- err
	}()
	require.Eventually(t, func() bool {
		for _, child := range childrenOf(t, s.programs) {
			if child.Handed != 0 {
				return true
			}
		}
		return false
	}, 30*time.Second, time.Millisecond)
	s.set(TierSpans)
	s.get("/release/it")
	require.NoError(t, <-answered)
	s.get("/unbuffered/without")
	all := works(t, s.programs)
	require.Equal(t, 1, all["held"].handOvers)
	require.Zero(t, all["held"].file.TraceID)
	require.Zero(t, all["without"].handOvers)
	require.Zero(t, all["without"].file.TraceID)

	s.set(TierScheduler)
	after := []string{"1", "2", "3", "4", "5", "6", "7", "8"} // twice as many as there are workers
	for _, name := range after {
		s.get("/unbuffered/" + name)
	}
	all = works(t, s.programs)
	for _, name := range after {
		followed(all[name])
	}
	require.Eventually(t, func() bool { return len(childrenOf(t, s.programs)) == 0 }, 30*time.Second, 20*time.Millisecond,
		"who has taken no work keeps no place")
}
