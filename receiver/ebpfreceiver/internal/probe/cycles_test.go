// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// cyclesEnv is how many cycles TestCyclesOfAttaching makes.
const cyclesEnv = "FATHOM_TEST_CYCLES"

// owned is what this process has of the kernel, by kind.
type owned struct{ Links, Programs, Maps, Files, Goroutines int }

func ownedNow(t *testing.T) owned {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	require.NoError(t, err)
	now := owned{Files: len(files), Goroutines: runtime.NumGoroutine()}
	kind := regexp.MustCompile(`(?m)^(link|prog|map)_id:`)
	for _, file := range files {
		info, err := os.ReadFile(file)
		if err != nil {
			continue // that of the listing itself
		}
		switch found := kind.FindSubmatch(info); {
		case found == nil:
		case string(found[1]) == "link":
			now.Links++
		case string(found[1]) == "prog":
			now.Programs++
		default:
			now.Maps++
		}
	}
	return now
}

// settled is what this process has once nothing more comes or goes: connections
// take a moment to be closed.
func settled(t *testing.T) owned {
	t.Helper()
	now := ownedNow(t)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
		before := now
		if now = ownedNow(t); now == before {
			return now
		}
	}
	require.FailNow(t, "something comes or goes all the time", "%+v", now)
	return now
}

// Attaching and detaching over and over leaves nothing behind, in this process or
// in the maps, while the target serves requests.
func TestCyclesOfAttaching(t *testing.T) {
	cycles := 100
	if text := os.Getenv(cyclesEnv); text != "" {
		var err error
		cycles, err = strconv.Atoi(text)
		require.NoError(t, err, cyclesEnv)
	}
	binary := targettest.Build(t)
	analysed, err := goexec.Open(binary)
	require.NoError(t, err)
	planned := plan.For(analysed)
	require.NoError(t, analysed.Close())
	programs, err := Load(Options{})
	require.NoError(t, err, "this test needs root on a kernel that loads BPF")
	defer func() { require.NoError(t, programs.Close()) }()
	server := targettest.Start(t, binary)
	cycle := func() {
		attachment, err := programs.Attach(Target{
			PID: server.PID, Executable: opened(t, binary), SampleRate: 1000, Events: NoEvents(), Plan: planned,
		}, TierScheduler)
		require.NoError(t, err)
		_, err = attachment.Close()
		require.NoError(t, err)
	}
	cycle()
	requests(t, server, 1)
	before, began := settled(t), time.Now()
	for i := range cycles {
		if i%10 == 0 {
			requests(t, server, 1)
		}
		cycle()
	}
	took := time.Since(began)
	after := ownedNow(t)
	for end := time.Now().Add(time.Minute); after != before && time.Now().Before(end); after = ownedNow(t) {
		time.Sleep(100 * time.Millisecond) // for connections to be closed
	}
	require.Equal(t, before, after, "after %d cycles", cycles)
	for name, m := range map[string]*ebpf.Map{
		"processes": programs.spans.Processes, "goroutines": programs.spans.Goroutines,
		"threads": programs.spans.Threads, "stop_clocks": programs.spans.StopClocks,
	} {
		var key, value []byte
		require.False(t, m.Iterate().Next(&key, &value), "%s is empty", name)
	}
	require.EqualValues(t, 1, programs.slots.next, "one slot was enough")
	t.Logf("%d cycles in %v, %v each: %+v before and after", cycles, took, took/time.Duration(cycles), before)
}
