// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseScenarios(t *testing.T) {
	scenarios, err := parseScenarios("ok=3,gc=0,mutex@payment=1")
	require.NoError(t, err)
	require.Equal(t, []scenario{{"ok", 3}, {"mutex@payment", 1}}, scenarios)
	for _, list := range []string{"", "ok", "ok=", "ok=x", "=1", "ok=-1", "ok=0"} {
		_, err := parseScenarios(list)
		require.Error(t, err, list)
	}
	_, err = parseScenarios("a,b=1,c=x")
	require.ErrorContains(t, err, `"a"`)
	require.ErrorContains(t, err, `"c=x"`, "every fault is told at once")
}

func TestChooseFollowsTheWeights(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	counts := map[string]int{}
	for range 10_000 {
		counts[choose([]scenario{{"a", 1}, {"b", 9}}, random).name]++
	}
	require.InDelta(t, 1000, counts["a"], 150)
	require.Equal(t, 10_000, counts["a"]+counts["b"])
}

func TestQuery(t *testing.T) {
	require.Empty(t, scenario{name: "ok"}.query(time.Second))
	require.Equal(t, "at=checkout&cause=gc&ms=20", scenario{name: "gc"}.query(20*time.Millisecond).Encode())
	require.Equal(t, "at=payment&cause=gc&ms=20", scenario{name: "gc@payment"}.query(20*time.Millisecond).Encode())
}

func TestValidateTellsEveryFault(t *testing.T) {
	err := (&plan{}).validate()
	for _, key := range []string{"-rate", "-requests", "-duration", "-concurrency", "-slow"} {
		require.ErrorContains(t, err, key)
	}
}

// TestRun sends a bounded load and counts what came of each request.
func TestRun(t *testing.T) {
	var mu sync.Mutex
	received := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("cause")
		mu.Lock()
		received[name]++
		mu.Unlock()
		if name == "moon" {
			http.Error(w, "unknown", http.StatusBadRequest)
			return
		}
		_, _ = w.Write([]byte(`{"trace_id":"t","span_id":"s"}`))
	}))
	defer server.Close()

	logPath := filepath.Join(t.TempDir(), "log")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{
		"-target", server.URL, "-rate", "1000", "-requests", "40", "-concurrency", "40",
		"-scenarios", "ok=1,moon=1", "-log", logPath,
	}, &out))
	var got summary
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Equal(t, 40, got.Requests)
	require.Zero(t, got.Missed)
	require.Equal(t, map[string]map[string]int{"ok": {"200": received[""]}, "moon": {"400": received["moon"]}}, got.Scenarios)

	log, err := os.ReadFile(logPath)
	require.NoError(t, err)
	require.Equal(t, 40, bytes.Count(log, []byte("\n")))
	require.Equal(t, received[""], bytes.Count(log, []byte(`"trace_id":"t"`)))
}

// TestLoadIsOpenLoopAndBounded: slow answers do not slow the load down, they
// make it miss requests; and it never has more in progress than it may.
func TestLoadIsOpenLoopAndBounded(t *testing.T) {
	var inProgress, most atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := inProgress.Add(1)
		defer inProgress.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		time.Sleep(200 * time.Millisecond)
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	p := plan{target: server.URL, rate: 200, requests: 20, duration: time.Minute, concurrency: 3, scenarios: []scenario{{"ok", 1}}}
	sum, err := p.run(t.Context(), &bytes.Buffer{})
	require.NoError(t, err)
	require.Equal(t, 20, sum.Requests+sum.Missed)
	require.Positive(t, sum.Missed)
	require.LessOrEqual(t, most.Load(), int64(3))
}

func TestLoadEndsInTime(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer server.Close()
	p := plan{target: server.URL, rate: 100, requests: 1 << 30, duration: 100 * time.Millisecond, concurrency: 3, scenarios: []scenario{{"ok", 1}}}
	began := time.Now()
	sum, err := p.run(t.Context(), &bytes.Buffer{})
	require.NoError(t, err)
	require.Less(t, time.Since(began), 10*time.Second)
	require.Less(t, sum.Requests, 50)
}

func TestUnreachableTargetIsCounted(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	p := plan{target: server.URL, rate: 1000, requests: 3, duration: time.Minute, concurrency: 3, scenarios: []scenario{{"ok", 1}}}
	sum, err := p.run(t.Context(), &bytes.Buffer{})
	require.NoError(t, err)
	require.Equal(t, map[string]map[string]int{"ok": {"error": 3}}, sum.Scenarios)
}
