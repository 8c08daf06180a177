// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// reloadConfig has no more than what a reload is seen by. A governor would take
// links off by itself.
const reloadConfig = `
receivers:
  ebpf:
    targets: [ { executable: %[1]s, sample_rate: %[2]d } ]
    discovery: { interval: 200ms }
    ledger: { mode: exact }
exporters:
  otlp_http: { endpoint: %[3]s, compression: none, sending_queue: { enabled: false } }
service:
  pipelines:
    traces: { receivers: [ebpf], exporters: [otlp_http] }
  telemetry:
    metrics:
      readers:
        - pull: { exporter: { prometheus: { host: %[4]s, port: %[5]s } } }
`

// collected are the spans that an agent has exported, by their paths.
type collected struct {
	mu    sync.Mutex
	spans map[string][]ptrace.Span
}

func (c *collected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := ptraceotlp.NewExportRequest()
	if err == nil {
		err = request.UnmarshalProto(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.Traces().ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				path, _ := span.Attributes().Get("url.path")
				c.spans[path.AsString()] = append(c.spans[path.AsString()], span)
			}
		}
	}
}

func (c *collected) of(path string) []ptrace.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans[path])
}

// startTarget builds the server that the receiver's own tests observe, and returns
// its executable and its address.
func startTarget(t *testing.T, dir string) (executable, url string) {
	t.Helper()
	executable = filepath.Join(dir, "target")
	said, err := exec.Command("go", "build", "-o", executable,
		"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest/testdata/target").CombinedOutput()
	require.NoError(t, err, "building the target: %s", said)
	target := start(t, dir, "target", executable, nil)
	await(t, func() bool { return strings.Contains(target.output(), "\n") }, "the target tells no address")
	address, err := bufio.NewReader(strings.NewReader(target.output())).ReadString('\n')
	require.NoError(t, err)
	return executable, "http://" + strings.TrimSpace(address)
}

// links are the IDs of the BPF links that the agent has.
func (a *agent) links() []string {
	a.t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", a.command.Process.Pid))
	require.NoError(a.t, err)
	var ids []string
	for _, file := range files {
		info, err := os.ReadFile(file)
		if err != nil {
			continue // closed since it was listed
		}
		if id := regexp.MustCompile(`(?m)^link_id:\s+(\d+)$`).FindSubmatch(info); id != nil {
			ids = append(ids, string(id[1]))
		}
	}
	slices.Sort(ids)
	return ids
}

func get(t *testing.T, ctx context.Context, url string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// A reload by SIGHUP, after sample_rate was changed in the file: probes and counts
// stay, and a request that is open over it is told.
func TestReload(t *testing.T) {
	dir := workDir(t)
	executable, url := startTarget(t, dir)
	received := &collected{spans: make(map[string][]ptrace.Span)}
	backend := httptest.NewServer(received)
	defer backend.Close()
	a := &agent{metrics: freePorts(t, 1)[0]}
	host, port, err := net.SplitHostPort(a.metrics)
	require.NoError(t, err)
	config := filepath.Join(dir, "reload.yaml")
	configure := func(rate int) {
		text := fmt.Sprintf(reloadConfig, executable, rate, backend.URL, host, port)
		require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	}
	configure(1000)
	a.process = start(t, dir, "agent", repository(t).path("fathom"), nil, "--config", config)
	const ready = "Everything is ready"
	await(t, func() bool { return !a.runs() || strings.Contains(a.output(), ready) }, "the agent does not start")
	await(t, func() bool { return a.counter("otelcol_receiver_ebpf_processes_attached") == 1 }, "the target is not observed")
	await(t, func() bool {
		require.NoError(t, get(t, t.Context(), url+"/nothing"))
		return len(received.of("/nothing")) > 0
	}, "no request is told")

	ctx, cancel := context.WithCancel(t.Context())
	hung := make(chan error, 1)
	go func() { hung <- get(t, ctx, url+"/hang") }()
	await(t, func() bool {
		require.NoError(t, get(t, t.Context(), url+"/sleep/1"))
		return len(received.of("/sleep/1")) > 9 // long after the request that hangs was sent
	}, "no request is told")
	links, told := a.links(), a.counter("otelcol_receiver_ebpf_records")
	require.NotEmpty(t, links)

	configure(0)
	reloaded := time.Now()
	require.NoError(t, a.command.Process.Signal(syscall.SIGHUP))
	await(t, func() bool { return !a.runs() || strings.Count(a.output(), ready) == 2 }, "the agent does not reload")
	require.True(t, a.runs(), "the agent ended:\n%s", a.tail())
	t.Logf("reloaded in %v", time.Since(reloaded))
	const sampledOut = `reason="sampled_out"`
	await(t, func() bool {
		require.NoError(t, get(t, t.Context(), url+"/fsync"))
		return a.counter("otelcol_receiver_ebpf_requests_unobserved", sampledOut) >= 3
	}, "the new sample rate does not hold")
	cancel()
	require.ErrorIs(t, <-hung, context.Canceled)
	await(t, func() bool { return len(received.of("/hang")) == 1 }, "the request that was open is not told")
	hang := received.of("/hang")[0]
	require.True(t, hang.StartTimestamp().AsTime().Before(reloaded) && hang.EndTimestamp().AsTime().After(reloaded), "from %v to %v, reloaded %v",
		hang.StartTimestamp().AsTime(), hang.EndTimestamp().AsTime(), reloaded)
	require.Equal(t, links, a.links(), "the links are the same")
	now := a.counter("otelcol_receiver_ebpf_records")
	require.Greater(t, now, told, "counts go on")
	require.Zero(t, a.counter("otelcol_receiver_ebpf_records_dropped")+a.counter("otelcol_receiver_ebpf_kernel_records_dropped"))
	t.Logf("%d links stayed; records %v, then %v", len(links), told, now)
	a.stop()
}
