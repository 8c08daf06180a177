// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// buildAgent builds the agent and is its path.
func buildAgent(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "fathom")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = filepath.Join("..", "..", "distributions", "fathom")
	said, err := build.CombinedOutput()
	require.NoError(t, err, "building the agent: %s", said)
	return binary
}

// agent is an agent whose queue outlives it.
type agent struct {
	binary, config, log string
	endpoint            string
	// running is nil when it does not.
	running *exec.Cmd
	client  *http.Client
}

// configuration stores what comes over OTLP: in batches that are formed before
// the queue persists them, or request by request.
const configuration = `
receivers:
  otlp: { protocols: { http: { endpoint: %s } } }
extensions:
  file_storage: { directory: %s, create_directory: true, timeout: 30s }
exporters:
  clickhouse:
    endpoint: tcp://%s
    database: otel
    timeout: 60s
    retry_on_failure: { initial_interval: 20ms, max_interval: 200ms, max_elapsed_time: 0s }
    sending_queue: { storage: file_storage, %s }
service:
  extensions: [file_storage]
  telemetry: { metrics: { level: none }, logs: { level: warn } }
  pipelines:
    traces: { receivers: [otlp], exporters: [clickhouse] }
    logs: { receivers: [otlp], exporters: [clickhouse] }
    metrics: { receivers: [otlp], exporters: [clickhouse] }
`

func newAgent(t *testing.T, binary, clickhouse, batch string) *agent {
	t.Helper()
	dir := t.TempDir()
	a := &agent{
		binary: binary, config: filepath.Join(dir, "config.yaml"), log: filepath.Join(dir, "log"),
		endpoint: enginetest.FreeEndpoint(t),
		client:   &http.Client{Timeout: patience},
	}
	text := fmt.Sprintf(configuration, a.endpoint, filepath.Join(dir, "queue"), clickhouse, batch)
	require.NoError(t, os.WriteFile(a.config, []byte(text), 0o600))
	t.Cleanup(func() {
		a.kill(t)
		if said, err := os.ReadFile(a.log); t.Failed() && err == nil {
			t.Logf("the end of what the agent said:\n%s", said[max(0, len(said)-5000):])
		}
	})
	return a
}

// start starts the agent and does not wait until it takes requests.
func (a *agent) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(a.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	a.running = exec.Command(a.binary, "--config", a.config)
	a.running.Stdout, a.running.Stderr = log, log
	require.NoError(t, a.running.Start())
}

// kill ends the agent with SIGKILL, if it runs.
func (a *agent) kill(t *testing.T) {
	t.Helper()
	if a.running == nil {
		return
	}
	require.NoError(t, a.running.Process.Kill(), "the agent ended before it was killed")
	var killed *exec.ExitError
	require.ErrorAs(t, a.running.Wait(), &killed)
	a.running = nil
	a.client.CloseIdleConnections()
}

// awaitReady waits until the agent takes requests.
func (a *agent) awaitReady(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return a.post("logs", nil) == nil }, patience, 10*time.Millisecond)
}

// send sends a batch of its kind. Without an error, the agent has accepted it.
func (a *agent) send(b *batch) error {
	var body []byte
	var err error
	path := "metrics"
	switch b.table {
	case "otel_traces":
		path = "traces"
		body, err = ptraceotlp.NewExportRequestFromTraces(b.traces()).MarshalProto()
	case "otel_logs":
		path = "logs"
		body, err = plogotlp.NewExportRequestFromLogs(b.logs()).MarshalProto()
	default:
		body, err = pmetricotlp.NewExportRequestFromMetrics(b.metrics()).MarshalProto()
	}
	if err != nil {
		return err
	}
	return a.post(path, body)
}

func (a *agent) post(path string, body []byte) error {
	response, err := a.client.Post("http://"+a.endpoint+"/v1/"+path, "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

// load sends batches of all kinds until it is stopped.
type load struct {
	agent   *agent
	sent    sendings
	mu      sync.Mutex
	stopped chan struct{}
	running sync.WaitGroup
}

func (a *agent) load(sent sendings) *load {
	l := &load{agent: a, sent: sent, stopped: make(chan struct{})}
	for _, table := range []string{"otel_traces", "otel_logs", "otel_metrics_gauge", "otel_metrics_sum"} {
		for range 2 {
			l.running.Go(func() { l.run(table) })
		}
	}
	return l
}

func (l *load) run(table string) {
	for {
		select {
		case <-l.stopped:
			return
		default:
		}
		l.mu.Lock()
		b := l.sent.next()
		b.table = table
		l.mu.Unlock()
		err := l.agent.send(b)
		l.mu.Lock()
		b.accepted = err == nil
		l.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

func (l *load) stop() {
	close(l.stopped)
	l.running.Wait()
}
