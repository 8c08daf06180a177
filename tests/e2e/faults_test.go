// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestClickHouseIsDownAtStart: the agent starts without its ClickHouse, and what
// it took meanwhile is stored when ClickHouse comes.
func TestClickHouseIsDownAtStart(t *testing.T) {
	const requests = 30
	dir := workDir(t)
	engine := enginetest.StartAt(t, filepath.Join(dir, "clickhouse"))
	engine.Stop(t)
	a := startAgent(t, dir, setup{Clickhouse: engine.Endpoint, Targets: []string{shopGlob(t)}})
	s := startShop(t, dir, a.otlp)
	await(t, func() bool {
		return a.counter("otelcol_receiver_ebpf_processes_attached") == float64(len(services()))
	}, "it does not come true")
	var receipts []receipt
	for range requests {
		receipts = append(receipts, s.order("", "", 0))
	}
	await(t, func() bool { return a.counter("otelcol_receiver_accepted_spans", `receiver="otlp"`) >= requests }, "it does not come true")
	require.Zero(t, a.counter("otelcol_exporter_sent_spans"), "ClickHouse is down")
	require.True(t, a.runs(), a.tail())

	engine.Restart(t)
	down := time.Now()
	store := openStore(t, engine.Endpoint)
	requireStored(t, store, receipts)
	require.Zero(t, a.counter("otelcol_exporter_send_failed_spans"))
	t.Logf("%d requests made while ClickHouse was down are stored %v after it came", requests, time.Since(down).Round(time.Millisecond))
	a.stop()
}

// requireStored: each request's three server spans are there, besides that of
// the gRPC call.
func requireStored(t *testing.T, s *store, receipts []receipt) {
	t.Helper()
	const each = "SELECT uniqExact(TraceId, SpanId) FROM otel_traces WHERE TraceId IN (@ids) AND SpanKind = 'Server' AND SpanName != 'shop.v1.Fraud/Check'"
	s.await(uint64(len(receipts)*len(services())), each, ids(receipts))
}

// TestEngineIsKilled: the embedded engine is killed under load; the extension
// starts it again and nothing that the agent accepted is missing.
func TestEngineIsKilled(t *testing.T) {
	const requests, kills = 150, 3
	w := startWhole(t, workDir(t))
	w.awaitObserved()
	killed := map[int]bool{}
	var receipts []receipt
	for i := range requests {
		if i%(requests/kills) == requests/kills/2 {
			pid := awaitEngine(t, w.agent, killed)
			killed[pid] = true
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		receipts = append(receipts, w.shop.order("sleep", "checkout", 10*time.Millisecond))
	}
	awaitEngine(t, w.agent, killed)
	requireStored(t, w.store, receipts)
	w.store.settle()
	rows := w.store.number("SELECT count() FROM otel_traces WHERE TraceId IN (@ids) AND SpanKind = 'Server' AND SpanName != 'shop.v1.Fraud/Check'", ids(receipts))
	require.Zero(t, w.agent.counter("otelcol_exporter_send_failed_spans"))
	t.Logf("the engine was killed %d times: all %d spans of %d requests are stored, in %d rows", len(killed), len(receipts)*len(services()), requests, rows)
	w.agent.stop()
}

// awaitEngine waits until the agent has an engine that was not killed.
func awaitEngine(t *testing.T, a *agent, killed map[int]bool) (pid int) {
	t.Helper()
	await(t, func() bool {
		for _, child := range children(t, a.command.Process.Pid) {
			if !killed[child] {
				pid = child
				return true
			}
		}
		return false
	}, "the agent has no engine:\n%s", a.tail())
	return pid
}

// children of a process, which may have been started by any of its threads.
func children(t *testing.T, pid int) (found []int) {
	t.Helper()
	lists, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	require.NoError(t, err)
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			require.NoError(t, err)
			found = append(found, child)
		}
	}
	return found
}

// TestTargetsComeAndGo: 10,000 Go processes that end as soon as they have started
// and services that are killed while they are being attached; afterwards the
// agent observes as before.
func TestTargetsComeAndGo(t *testing.T) {
	const brief, atOnce, killed = 10_000, 4, 30
	dir := workDir(t)
	repository := repository(t)
	a := startAgent(t, dir, setup{Targets: []string{shopGlob(t), repository.path("clickhouse-engine")}})
	began := time.Now()
	var starters sync.WaitGroup
	for range atOnce {
		starters.Go(func() {
			for range brief / atOnce {
				if err := quickly(repository.path("clickhouse-engine"), "version"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	starters.Wait()
	t.Logf("%d processes came and went in %v", brief, time.Since(began).Round(time.Millisecond))
	for i := range killed {
		p := start(t, dir, "inventory", repository.path("inventory"), nil, "-listen", "127.0.0.1:0", "-data", dir)
		time.Sleep(time.Duration(i) * 5 * time.Millisecond) // before, while and after it is attached
		p.kill()
	}
	require.True(t, a.runs(), "the agent ended: %v\n%s", a.err, a.tail())

	w := &whole{t: t, dir: dir, agent: a, shop: startShop(t, dir, a.otlp), store: openStore(t, a.clickhouse)}
	// The engine is a target too here.
	w.awaitAttached(len(services()) + 1)
	w.awaitLedgers()
	t.Logf("processes that ended while being attached: %.0f; examined: %.0f", a.counter("otelcol_receiver_ebpf_attach_failures"),
		a.counter("otelcol_receiver_ebpf_processes_examined"))
	a.stop()
}

// quickly runs a program to its end.
func quickly(path string, args ...string) error {
	process, err := os.StartProcess(path, append([]string{path}, args...), &os.ProcAttr{})
	if err != nil {
		return err
	}
	_, err = process.Wait()
	return err
}
