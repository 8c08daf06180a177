// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver"
	"github.com/fathom-otel/fathom/tests/priority"
)

const (
	patience = time.Minute
	tick     = 20 * time.Millisecond
)

// scaleEnv is by how many times more spans are judged than in a bounded run.
const scaleEnv = "FATHOM_REFEREE_SCALE"

// watcher is a receiver that observes the programs of tests/apps/shapes.
type watcher struct {
	program   string
	mode      string
	scale     int
	telemetry *componenttest.Telemetry
	logs      consumertest.LogsSink
}

// watch starts a receiver that makes ledgers in one of its modes.
func watch(t *testing.T, mode string) *watcher {
	t.Helper()
	w := &watcher{program: filepath.Join(t.TempDir(), "shapes"), mode: mode, scale: 1, telemetry: componenttest.NewTelemetry()}
	if scale := os.Getenv(scaleEnv); scale != "" {
		var err error
		w.scale, err = strconv.Atoi(scale)
		require.NoError(t, err, scaleEnv)
	}
	output, err := exec.Command("go", "build", "-o", w.program, "github.com/fathom-otel/fathom/tests/apps/shapes").CombinedOutput()
	require.NoError(t, err, "building the programs: %s", output)

	factory := ebpfreceiver.NewFactory()
	config := factory.CreateDefaultConfig().(*ebpfreceiver.Config)
	config.Targets = []ebpfreceiver.TargetConfig{{Executable: w.program}}
	config.Ledger.Mode = mode
	settings := receivertest.NewNopSettings(factory.Type())
	settings.TelemetrySettings = w.telemetry.NewTelemetrySettings()
	r, err := factory.CreateLogs(t.Context(), settings, config, &w.logs)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()), "the tests need root on a kernel that loads BPF")
	t.Cleanup(func() {
		require.NoError(t, r.Shutdown(context.Background()))
		require.NoError(t, w.telemetry.Shutdown(context.Background()))
	})
	return w
}

// shapes are the programs' names.
func (w *watcher) shapes() []string {
	names, err := exec.Command(w.program, "-list").Output()
	if err != nil {
		panic(err) // it was just built
	}
	return strings.Fields(string(names))
}

// observed is what the receiver told of a span.
type observed struct {
	ledger ledger.Ledger
	source ledger.Source
}

// run runs one program, with so many spans of about a length, and returns what
// the tracer and the receiver say of them.
func (w *watcher) run(t *testing.T, shape string, spans int, length time.Duration) ([]Span, map[string]observed) {
	t.Helper()
	w.awaitAttached(t, 0)
	w.logs.Reset()
	dir := workDir(t)
	path := filepath.Join(dir, "trace")
	program := exec.Command(w.program, "-shape", shape, "-spans", strconv.Itoa(spans*w.scale), "-length", length.String(), "-trace", path)
	program.Dir, program.Stderr = dir, os.Stderr
	in, err := program.StdinPipe()
	require.NoError(t, err)
	out, err := program.StdoutPipe()
	require.NoError(t, err)
	priority.First(t, func() { require.NoError(t, program.Start()) })
	t.Cleanup(func() {
		if program.ProcessState == nil {
			_ = program.Process.Kill()
			_ = program.Wait() // of a test that failed
		}
	})
	said := bufio.NewReader(out)
	require.Equal(t, "ready", sentence(t, said))
	w.awaitAttached(t, 1)
	_, err = io.WriteString(in, "\n")
	require.NoError(t, err)
	require.Equal(t, "done", sentence(t, said))
	reference := read(t, path)
	seen := w.await(t, reference)
	require.NoError(t, in.Close())
	require.NoError(t, program.Wait())
	return reference, seen
}

func sentence(t *testing.T, from *bufio.Reader) string {
	t.Helper()
	text, err := from.ReadString('\n')
	require.NoError(t, err, "the program must say something")
	return strings.TrimSpace(text)
}

func read(t *testing.T, path string) []Span {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	spans, err := Read(file)
	require.NoError(t, err)
	return spans
}

// await waits until there is a ledger of each span; those that never come are
// left out.
func (w *watcher) await(t *testing.T, reference []Span) map[string]observed {
	t.Helper()
	var seen map[string]observed
	missing := func() (n int) {
		for _, span := range reference {
			if _, ok := seen[span.ID]; !ok {
				n++
			}
		}
		return n
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * tick) {
		seen = w.ledgers(t)
		if missing() == 0 {
			return seen
		}
		if time.Now().After(end) {
			t.Logf("%d of %d spans have no ledger", missing(), len(reference))
			return seen
		}
	}
}

// ledgers by span ID.
func (w *watcher) ledgers(t *testing.T) map[string]observed {
	t.Helper()
	seen := map[string]observed{}
	for _, logs := range w.logs.AllLogs() {
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					if record.EventName() != events.SpanLedger {
						continue
					}
					l, source, ok := ledger.FromAttributes(record.Attributes())
					require.True(t, ok, "%v", record.Attributes().AsRaw())
					seen[record.SpanID().String()] = observed{l, source}
				}
			}
		}
	}
	return seen
}

// awaitAttached waits until so many programs are observed.
func (w *watcher) awaitAttached(t *testing.T, n int64) {
	t.Helper()
	const name = "otelcol_receiver_ebpf_processes_attached"
	require.Eventually(t, func() bool {
		var attached int64
		if m, err := w.telemetry.GetMetric(name); err == nil {
			for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
				attached += point.Value
			}
		}
		return attached == n
	}, patience, tick, "%s must be %s", name, strconv.FormatInt(n, 10))
}

// workDir is not in a tmpfs, on which a sync takes no time.
func workDir(t *testing.T) string {
	t.Helper()
	run := filepath.Join("..", "..", ".run")
	require.NoError(t, os.MkdirAll(run, 0o755))
	dir, err := os.MkdirTemp(run, "referee-")
	require.NoError(t, err)
	dir, err = filepath.Abs(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}
