// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// sampled starts a receiver that samples one target.
func sampled(t *testing.T, change func(*Config), args ...string) (*harness, *targettest.Target) {
	t.Helper()
	binary := targettest.Build(t, args...)
	h := observe(t, func(c *Config) {
		c.Ledger.Mode = ModeSampled
		if change != nil {
			change(c)
		}
	}, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	return h, target
}

// sampledLedger reads the ledger of a span and checks that its parts sum to it.
func sampledLedger(t *testing.T, span seenSpan) ledger.Ledger {
	t.Helper()
	l, source, ok := ledger.FromAttributes(span.Attributes())
	require.True(t, ok, "%s has a ledger: %v", span.Name(), span.Attributes().AsRaw())
	require.Equal(t, ledger.Sampled, source)
	require.Equal(t, uint64(span.EndTimestamp()-span.StartTimestamp()), l.Total(), "parts sum to the duration")
	return l
}

func TestSampledLedgersNameTheCause(t *testing.T) {
	h, target := sampled(t, nil)
	const ms = 150
	_, _, err := target.Get("/long/gc?ms=0", nil) // makes what takes collections long
	require.NoError(t, err)
	h.awaitSpan("/long/gc")
	for path, dominant := range map[string]ledger.Cause{
		"/long/sleep":   ledger.Sleep,
		"/long/mutex":   ledger.BlockedMutex,
		"/long/channel": ledger.BlockedChannel,
		"/long/select":  ledger.BlockedSelect,
		"/long/network": ledger.BlockedNetwork,
		"/long/cpu":     ledger.OnCPU,
		"/long/file":    ledger.SyscallFile,
		"/long/gc":      ledger.GCAssist,
	} {
		l := h.awaitLedger(target, fmt.Sprintf("%s?ms=%d&path=%s", path, ms, filepath.Join(t.TempDir(), "file")))
		l[ledger.OSRunqueue] = 0 // as long as the machine has other things to do
		cause, ns := l.Dominant()
		require.Equal(t, dominant, cause, "%s: %v", path, l)
		t.Logf("%s: %s %v of %v", path, cause, time.Duration(ns), time.Duration(l.Total()))
	}
	require.Positive(t, h.counter("samples", "", ""))
	require.Positive(t, h.counter("sampled_ledgers", "outcome", "seen"))
	require.Zero(t, h.counter("samples_missed", "reason", "unreadable"))
}

// awaitLedger requests a path and returns the ledger of that request.
func (h *harness) awaitLedger(target *targettest.Target, path string) ledger.Ledger {
	h.t.Helper()
	h.traces.Reset()
	bare, _, _ := strings.Cut(path, "?")
	_, status, err := target.Get(path, nil)
	require.NoError(h.t, err)
	require.Equal(h.t, http.StatusOK, status)
	l := sampledLedger(h.t, h.awaitSpan(bare))
	require.Less(h.t, 10*l[ledger.Unattributed], l.Total(), "%s: %v", path, l)
	return l
}

// A goroutine that marks for the collector seems to wait while it executes.
func TestSampledLedgersSeeAssists(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) { c.Ledger.Mode = ModeSampled }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary, "GOGC=5", "GOMAXPROCS=1")
	h.awaitAttached(1)
	const requests = 10
	for range requests {
		_, _, err := target.Get("/allocate?n=20000&size=1024", nil)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) == requests }, patience, tick)
	var seen ledger.Ledger
	for _, event := range h.events(events.SpanLedger) {
		l, source, ok := ledger.FromAttributes(event.Attributes())
		require.True(t, ok)
		require.Equal(t, ledger.Sampled, source)
		for cause, ns := range l {
			seen[cause] += ns
		}
	}
	t.Logf("%v", seen)
	require.Greater(t, 10*seen[ledger.GCAssist], seen[ledger.OnCPU], "exact ledgers have nearly as much of it")
}

func TestSampledLedgersOfNestedSpans(t *testing.T) {
	h, target := sampled(t, nil)
	_, _, err := target.Get("/long/nested?ms=100", nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) == 2 }, patience, tick)
	var ledgers [2]ledger.Ledger // the inner span ends first
	for i, event := range h.events(events.SpanLedger) {
		var source ledger.Source
		var ok bool
		ledgers[i], source, ok = ledger.FromAttributes(event.Attributes())
		require.True(t, ok)
		require.Equal(t, ledger.Sampled, source)
		require.Equal(t, event.Attributes().AsRaw()[events.Duration], int64(ledgers[i].Total()))
	}
	cause, _ := ledgers[0].Dominant()
	require.Equal(t, ledger.BlockedMutex, cause, "the inner: %v", ledgers[0])
	for cause := range ledgers[0] {
		if ledger.Cause(cause) != ledger.Unattributed {
			require.GreaterOrEqual(t, ledgers[1][cause], ledgers[0][cause], "what the inner spent, the outer spent too")
		}
	}
	require.Greater(t, ledgers[1][ledger.Sleep], ledgers[1].Total()/8, "the outer slept for half of its time: %v", ledgers[1])
}

// A span that is over before anybody looked is unattributed, and counted.
func TestASpanThatNobodySaw(t *testing.T) {
	h, target := sampled(t, nil)
	unseen := func() bool {
		for _, span := range h.spans() {
			l, _, _ := ledger.FromAttributes(span.Attributes())
			if l.Total() > 0 && l[ledger.Unattributed] == l.Total() {
				return true
			}
		}
		return false
	}
	require.Eventually(t, func() bool {
		_, _, err := target.Get("/nothing", nil)
		return err == nil && unseen()
	}, patience, tick)
	for _, span := range h.spans() {
		sampledLedger(t, span)
	}
	require.Positive(t, h.counter("sampled_ledgers", "outcome", "unseen"))
}

// The program says what it did: summed up over many requests, samples say the
// same.
func TestSampledLedgersAgreeWithWhatTheProgramDid(t *testing.T) {
	h, target := sampled(t, nil)
	const requests = 20
	var did ledger.Ledger
	for range requests {
		body, _, err := target.Get("/mixed?ms=40", nil)
		require.NoError(t, err)
		for line := range strings.Lines(body) {
			part, ns, _ := strings.Cut(strings.TrimSpace(line), " ")
			took, err := strconv.ParseUint(ns, 10, 64)
			require.NoError(t, err)
			did[map[string]ledger.Cause{
				"sleep": ledger.Sleep, "cpu": ledger.OnCPU, "mutex": ledger.BlockedMutex, "channel": ledger.BlockedChannel,
			}[part]] += took
		}
	}
	require.Eventually(t, func() bool { return len(h.spans()) == requests }, patience, tick)
	var seen ledger.Ledger
	for _, span := range h.spans() {
		for cause, ns := range sampledLedger(t, span) {
			seen[cause] += ns
		}
	}
	t.Logf("did  %v\nseen %v", did, seen)
	seen[ledger.OnCPU] += seen[ledger.OSRunqueue] // of which the program does not know
	for cause, ns := range did {
		require.InDelta(t, ns, seen[cause], 0.1*float64(did.Total()), "%v", ledger.Cause(cause))
	}
}

// Who opened a file is told by the thread itself, for every way to link a
// program in which the runtime's g can be found.
func TestFileEventsOfSampledProcesses(t *testing.T) {
	for name, build := range map[string]struct {
		cgo  string
		args []string
	}{
		"static":       {"0", nil},
		"stripped PIE": {"0", []string{"-buildmode=pie", "-ldflags=-s -w"}},
		"cgo":          {"1", nil},
		"cgo PIE":      {"1", []string{"-buildmode=pie"}},
		"cgo stripped": {"1", []string{"-ldflags=-s -w"}},
	} {
		t.Run(name, func(t *testing.T) {
			if build.cgo == "1" {
				_, err := exec.LookPath("gcc")
				require.NoError(t, err, "a cgo program needs a C compiler, as make test does")
			}
			t.Setenv("CGO_ENABLED", build.cgo)
			h, target := sampled(t, func(c *Config) { c.Events.File.MinDuration = 0 }, build.args...)
			require.Zero(t, h.counter("probes_refused", "feature", "thread_identity"))
			touchFiles(t, h, target)
		})
	}
}

// touchFiles makes files in concurrent requests, each in a trace of its own, and
// checks that every event carries the trace and span of its request.
func touchFiles(t *testing.T, h *harness, target *targettest.Target) {
	t.Helper()
	const concurrent, files = 50, 3
	dir := t.TempDir()
	errs := make([]error, concurrent)
	var senders sync.WaitGroup
	for i := range concurrent {
		senders.Go(func() {
			header := http.Header{"Traceparent": {fmt.Sprintf("00-%s-%s-01", traceOf(i), callerSpan)}}
			_, _, errs[i] = target.Get(fmt.Sprintf("/long/touch?ms=20&path=%s/%d", dir, i), header)
		})
	}
	senders.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	mine := func() (seen []seenLog) {
		for _, event := range h.events(events.FileOpen) {
			if path, _ := event.Attributes().Get(events.FilePath); strings.HasPrefix(path.Str(), dir) {
				seen = append(seen, event)
			}
		}
		return seen
	}
	require.Eventually(t, func() bool { return len(mine()) >= concurrent*files && len(h.spans()) >= concurrent }, patience, tick)
	spans := map[string]string{}
	for _, span := range h.spans() {
		spans[span.TraceID().String()] = span.SpanID().String()
	}
	for _, event := range mine() {
		path, _ := event.Attributes().Get(events.FilePath)
		number, _, _ := strings.Cut(filepath.Base(path.Str()), ".")
		i, err := strconv.Atoi(number)
		require.NoError(t, err)
		require.Equal(t, traceOf(i), event.TraceID().String(), path.Str())
		require.Equal(t, spans[traceOf(i)], event.SpanID().String(), path.Str())
	}
}

// traceOf is the trace ID of the request with that number.
func traceOf(i int) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[8:], uint64(i)+1)
	return hex.EncodeToString(id[:])
}
