// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/tests/priority"
)

// agent is the built agent as a process.
type agent struct {
	*process
	// Addresses, host:port.
	otlp, clickhouse, metrics string
}

// setup is how an agent of a test differs from the default configuration.
type setup struct {
	// Clickhouse is an engine that the agent does not start; one embedded in it if empty.
	Clickhouse string
	// Targets are globs of the executables that are observed.
	Targets []string

	OTLPgRPC, OTLP, Engine, Data, MetricsHost, MetricsPort string
	Wait                                                   time.Duration
}

// enrichmentWait is for how long a span waits for its ledger.
const enrichmentWait = 5 * time.Second

// overrides of distributions/fathom/config.yaml: exact ledgers, addresses, directories,
// intervals that a test can wait for, and patience for a machine on which agent
// and engine may not get a CPU for seconds.
const overrides = `
receivers:
  otlp:
    protocols:
      grpc: { endpoint: {{.OTLPgRPC}} }
      http: { endpoint: {{.OTLP}} }
  ebpf:
    targets:
{{- range .Targets}}
      - executable: {{.}}
{{- end}}
    runtime: { interval: 2s }
    events: { file: { min_duration: 0s } }
    ledger: { mode: exact }
processors:
  span_enrichment: { wait: {{.Wait}} }
exporters:
  clickhouse:
    endpoint: "tcp://{{.Engine}}"
    timeout: 60s
    retry_on_failure: { initial_interval: 500ms, max_interval: 2s }
extensions:
  embedded_clickhouse: { endpoint: {{.Engine}}, path: {{.Data}} }
service:
{{- if .Clickhouse}}
  extensions: []
{{- end}}
  telemetry:
    metrics:
      readers:
        - pull: { exporter: { prometheus: { host: {{.MetricsHost}}, port: {{.MetricsPort}} } } }
`

// startAgent runs the agent in dir and waits until it takes OTLP.
func startAgent(t *testing.T, dir string, s setup) *agent {
	t.Helper()
	ports := freePorts(t, 4)
	a := &agent{otlp: ports[0], clickhouse: s.Clickhouse, metrics: ports[1]}
	if a.clickhouse == "" {
		a.clickhouse = ports[2]
	}
	s.Wait = enrichmentWait
	s.OTLPgRPC, s.OTLP, s.Engine, s.Data = ports[3], a.otlp, a.clickhouse, filepath.Join(dir, "clickhouse")
	var err error
	s.MetricsHost, s.MetricsPort, err = net.SplitHostPort(a.metrics)
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, template.Must(template.New("overrides").Parse(overrides)).Execute(&text, s))
	path := filepath.Join(dir, "overrides.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))

	repository := repository(t)
	a.process = start(t, dir, "agent", repository.path("fathom"), nil,
		"--config", filepath.Join(repository.root, "distributions", "fathom", "config.yaml"), "--config", path)
	priority.Prefer(t, a.command.Process.Pid)
	require.Eventually(t, func() bool {
		if !a.runs() {
			return true
		}
		response, err := http.Get("http://" + a.otlp)
		if err != nil {
			return false
		}
		return response.Body.Close() == nil
	}, patience, tick, "the agent takes no OTLP; its log is %s", a.log)
	require.True(t, a.runs(), "the agent ended: %v\n%s", a.err, a.tail())
	return a
}

// counter adds up the samples of one of the agent's own metrics whose labels
// contain all of labels.
func (a *agent) counter(name string, labels ...string) float64 {
	a.t.Helper()
	response, err := http.Get("http://" + a.metrics + "/metrics")
	require.NoError(a.t, err, "the agent must answer:\n%s", a.tail())
	defer response.Body.Close()
	require.Equal(a.t, http.StatusOK, response.StatusCode)
	return sumSamples(a.t, readAll(a.t, response.Body), name, labels)
}

// sumSamples reads Prometheus' text format: NAME VALUE or NAME{LABELS} VALUE.
func sumSamples(t *testing.T, page, name string, labels []string) (sum float64) {
	t.Helper()
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		end := strings.LastIndexByte(line, ' ')
		if end < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		metric, all, _ := strings.Cut(line[:end], "{")
		missing := func(label string) bool { return !strings.Contains(all, label) }
		if strings.TrimSuffix(metric, "_total") != name || slices.ContainsFunc(labels, missing) {
			continue
		}
		n, err := strconv.ParseFloat(line[end+1:], 64)
		require.NoError(t, err, line)
		sum += n
	}
	return sum
}
