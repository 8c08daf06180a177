// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// seenSample is one sample of a profile, with what it refers to.
type seenSample struct {
	functions  []string // innermost first, inlined ones included
	value      int64
	attributes map[string]any
	trace      pcommon.TraceID
	span       pcommon.SpanID
	resource   pcommon.Map
	profile    pprofile.Profile
}

func (h *harness) samples() []seenSample {
	var seen []seenSample
	for _, profiles := range h.profiles.AllProfiles() {
		tables := profiles.Dictionary()
		for _, resource := range profiles.ResourceProfiles().All() {
			for _, scope := range resource.ScopeProfiles().All() {
				for _, p := range scope.Profiles().All() {
					for _, s := range p.Samples().All() {
						one := seeSample(tables, s)
						one.resource, one.profile = resource.Resource().Attributes(), p
						seen = append(seen, one)
					}
				}
			}
		}
	}
	return seen
}

func seeSample(tables pprofile.ProfilesDictionary, s pprofile.Sample) seenSample {
	seen := seenSample{value: s.Values().At(0), attributes: map[string]any{}}
	for _, at := range tables.StackTable().At(int(s.StackIndex())).LocationIndices().All() {
		for _, line := range tables.LocationTable().At(int(at)).Lines().All() {
			function := tables.FunctionTable().At(int(line.FunctionIndex()))
			seen.functions = append(seen.functions, tables.StringTable().At(int(function.NameStrindex())))
		}
	}
	for _, at := range s.AttributeIndices().All() {
		attribute := tables.AttributeTable().At(int(at))
		seen.attributes[tables.StringTable().At(int(attribute.KeyStrindex()))] = attribute.Value().AsRaw()
	}
	link := tables.LinkTable().At(int(s.LinkIndex()))
	seen.trace, seen.span = link.TraceID(), link.SpanID()
	return seen
}

// sampledOn sums the samples of a span by their innermost function.
func (h *harness) sampledOn(span string) (sum int64, byFunction map[string]int64, of []seenSample) {
	byFunction = map[string]int64{}
	for _, s := range h.samples() {
		if s.span.String() != span {
			continue
		}
		sum += s.value
		if len(s.functions) > 0 {
			byFunction[s.functions[0]] += s.value
		}
		of = append(of, s)
	}
	return sum, byFunction, of
}

// burnt has the target burn CPU time in a span of the SDK.
func burnt(t *testing.T, target *targettest.Target, d time.Duration) (trace, span string) {
	t.Helper()
	body, _, err := target.Get(fmt.Sprintf("/burn?ms=%d", d.Milliseconds()), nil)
	require.NoError(t, err)
	trace, span, ok := strings.Cut(body, " ")
	require.True(t, ok, body)
	return trace, span
}

// requireHot: nearly all of it is in main.hot, most of that in what is inlined there.
func requireHot(t *testing.T, sum int64, byFunction map[string]int64) {
	t.Helper()
	require.Greater(t, byFunction["main.stir"], sum/2)
	require.Greater(t, byFunction["main.stir"]+byFunction["main.hot"], sum*9/10)
}

const profileInterval = minProfileInterval

func TestProfilesOfSpans(t *testing.T) {
	binary := targettest.Build(t)
	h := observeFor(t, func(h *harness, s *sinks) { s.logs, s.profiles = &h.logs, &h.profiles },
		func(c *Config) { c.Profiles.Interval = profileInterval }, TargetConfig{Executable: binary, ServiceName: "burner"})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	trace, span := burnt(t, target, 3*time.Second)
	require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) > 0 }, patience, tick)
	h.stop() // tells the last profile

	told := h.events(events.SpanLedger)[0]
	l, source, ok := ledger.FromAttributes(told.Attributes())
	require.True(t, ok)
	require.Equal(t, ledger.Exact, source)
	sum, byFunction, samples := h.sampledOn(span)
	t.Logf("on the CPU by the ledger %v, by samples %v: %v", time.Duration(l[ledger.OnCPU]), time.Duration(sum), byFunction)
	require.InEpsilon(t, float64(l[ledger.OnCPU]), float64(sum), 0.5, "the time on a CPU, and in as many samples")
	requireHot(t, sum, byFunction)
	goroutine, ok := told.Attributes().Get(events.GoroutineID)
	require.True(t, ok)
	for _, s := range samples {
		require.Equal(t, trace, s.trace.String())
		require.Equal(t, goroutine.Int(), s.attributes[events.GoroutineID])
		require.Positive(t, s.attributes[events.ThreadID])
		require.Equal(t, "burner", s.resource.AsRaw()["service.name"])
		require.Positive(t, s.profile.DurationNano())
		require.WithinDuration(t, time.Now(), s.profile.Time().AsTime(), 2*patience)
		require.EqualValues(t, time.Second/97, s.profile.Period())
		require.Zero(t, s.value%s.profile.Period())
		if len(s.functions) > 0 && s.functions[0] == "main.stir" {
			require.Equal(t, []string{"main.stir", "main.hot", "main.burn"}, s.functions[:3], "inlined, and its callers, though hot has no frame")
			require.Contains(t, s.functions, "net/http.(*conn).serve", "the stack is whole")
		}
	}
	require.Greater(t, h.profiles.ProfileCount(), 1, "one an interval")
	require.Positive(t, h.counter("profile_samples", "", ""))
	require.Zero(t, h.counter("profile_samples_lost", "reason", "window_full"))
}

// Where only profiles are wanted, samples are linked to spans all the same, and
// there are no probes on the scheduler.
func TestProfilesAlone(t *testing.T) {
	for name, build := range map[string][]string{"stripped": {"-ldflags=-s -w"}, "PIE": {"-buildmode=pie"}} {
		t.Run(name, func(t *testing.T) {
			binary := targettest.Build(t, build...)
			h := observeFor(t, func(h *harness, s *sinks) { s.profiles = &h.profiles }, nil, TargetConfig{Executable: binary})
			target := targettest.Start(t, binary)
			h.awaitAttached(1)
			_, span := burnt(t, target, time.Second)
			target.Kill()
			require.Eventually(t, func() bool { return h.counter("processes_attached", "", "") == 0 }, patience, tick)
			h.stop()
			sum, byFunction, _ := h.sampledOn(span)
			t.Logf("%v: %v", time.Duration(sum), byFunction)
			require.Positive(t, sum, "what was sampled of a process that has ended is told")
			requireHot(t, sum, byFunction)
			require.Zero(t, h.counter("sampled_ledgers", "", ""))
		})
	}
}

func TestNothingIsSampledThatNobodyWants(t *testing.T) {
	binary := targettest.Build(t)
	for name, h := range map[string]*harness{
		"no pipeline of profiles": observe(t, nil, TargetConfig{Executable: binary}),
		"switched off": observeFor(t, func(h *harness, s *sinks) { s.profiles, s.logs = &h.profiles, &h.logs },
			func(c *Config) { c.Profiles = ProfilesConfig{} }, TargetConfig{Executable: binary}),
	} {
		t.Run(name, func(t *testing.T) {
			target := targettest.Start(t, binary)
			h.awaitAttached(1)
			burnt(t, target, 300*time.Millisecond)
			h.stop()
			require.Zero(t, h.counter("profile_samples", "", ""))
			require.Zero(t, h.profiles.ProfileCount())
			target.Kill()
		})
	}
}

// go tool pprof reads what is served, of a program that burns.
func TestPprofOfThePast(t *testing.T) {
	binary := targettest.Build(t)
	h := observeFor(t, func(h *harness, s *sinks) { s.logs = &h.logs }, func(c *Config) {
		server := confighttp.NewDefaultServerConfig()
		server.NetAddr.Endpoint = "127.0.0.1:0"
		c.Profiles.Pprof.HTTP = configoptional.Some(server)
		c.Profiles.Interval = profileInterval
	}, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	_, span := burnt(t, target, 2*time.Second)
	base := "http://" + h.receiver.pprof.listener.Addr().String() + "/debug/pprof/"
	url := fmt.Sprintf("%sprofile?pid=%d&from=%s", base, target.PID, time.Now().Add(-time.Minute).UTC().Format(time.RFC3339))

	row := regexp.MustCompile(`(?m)^ *[\d.]+m?s .*`)
	require.Eventually(t, func() bool {
		top, err := runPprof(t, "-top", "-nodecount=5", url)
		return err == nil && strings.Contains(top, "Type: cpu") && strings.Contains(row.FindString(top), "main.stir")
	}, patience, 10*tick, "the hot function is first")
	require.Contains(t, pprofOf(t, "-top", "-tagfocus=span_id="+span, url), "main.stir", "of one span")
	tags := pprofOf(t, "-tags", url)
	for _, label := range []string{"span_id:", "trace_id:", "goroutine:", "thread:"} {
		require.Contains(t, tags, label)
	}

	index, err := http.Get(base)
	require.NoError(t, err)
	require.NoError(t, index.Body.Close())
	require.Equal(t, http.StatusOK, index.StatusCode)
	target.Kill()
	require.Eventually(t, func() bool { return h.counter("processes_attached", "", "") == 0 }, patience, tick)
	require.Contains(t, pprofOf(t, "-top", url), "main.stir", "of a process that has ended")
	http.DefaultClient.CloseIdleConnections()
}

// slowFile is an executable whose reads wait.
type slowFile struct {
	io.ReaderAt
	reading, goOn chan struct{}
	closed        atomic.Bool
}

func (f *slowFile) ReadAt(b []byte, at int64) (int, error) {
	select {
	case f.reading <- struct{}{}:
	case <-f.goOn:
	}
	<-f.goOn
	if f.closed.Load() {
		return 0, os.ErrClosed
	}
	return f.ReaderAt.ReadAt(b, at)
}

func (f *slowFile) Close() error {
	f.closed.Store(true)
	return nil
}

// Samples and the attacher do not wait while a request finds the source of code,
// which has the executable until then.
func TestNobodyWaitsForAProfileUnderWay(t *testing.T) {
	executable, err := goexec.Open("/proc/self/exe")
	require.NoError(t, err)
	defer func() { require.NoError(t, executable.Close()) }()
	code, err := profile.Resolve(executable)
	require.NoError(t, err)
	here, err := executable.Function("testing.tRunner")
	require.NoError(t, err)
	self, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	defer func() { require.NoError(t, self.Close()) }()

	telemetry, err := metadata.NewTelemetryBuilder(componenttest.NewNopTelemetrySettings())
	require.NoError(t, err)
	file := &slowFile{ReaderAt: self, reading: make(chan struct{}), goOn: make(chan struct{})}
	process := &discover.Process{PID: 42}
	s := &sampledProcess{target: profile.Target{Code: code, Executable: file}, executable: file, window: profile.NewWindow(time.Now())}
	s.users.Store(1)
	p := &profiles{
		period: time.Second, kept: profile.NewKept[*discover.Process](time.Hour, 1<<20), telemetry: telemetry, logger: zap.NewNop(),
		sampled: map[*discover.Process]*sampledProcess{process: s},
	}
	sample := &record.Sample{Stack: binary.LittleEndian.AppendUint64(nil, here.Addr)}
	p.take(process, sample)
	told := make(chan []*profile.Profile, 1)
	go func() { told <- p.Between(42, time.Time{}, time.Now().Add(time.Hour)) }()
	<-file.reading
	others := make(chan struct{})
	go func() {
		defer close(others)
		p.take(process, sample)
		p.remove(process)
		p.forgetAll()
	}()
	select {
	case <-others:
	case <-time.After(patience):
		t.Error("they wait")
	}
	close(file.goOn)
	found := <-told
	require.Len(t, found, 1)
	require.Equal(t, []int64{time.Second.Nanoseconds()}, found[0].Samples[0].Values, "what was sampled before")
	require.Equal(t, "testing.tRunner", found[0].Stacks[0][0].Calls[0].Function)
	require.Eventually(t, file.closed.Load, patience, tick)
}

// Of two processes that had one ID, the one that runs is told.
func TestTheProcessThatHasAnID(t *testing.T) {
	for range 20 { // a map has no order
		ended := &sampledProcess{ended: time.Now()}
		p := &profiles{kept: profile.NewKept[*discover.Process](time.Hour, 1<<20), sampled: map[*discover.Process]*sampledProcess{
			{PID: 42, Executable: "/bin/ended"}: ended, {PID: 42, Executable: "/bin/runs"}: {},
		}}
		require.Equal(t, []profile.Subject{{PID: 42, Executable: "/bin/runs"}}, p.Subjects())
	}
}

func pprofOf(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := runPprof(t, arguments...)
	require.NoError(t, err)
	require.Less(t, len(output), math.MaxInt16)
	return output
}

func runPprof(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	command := exec.Command("go", append([]string{"tool", "pprof", "-symbolize=none"}, arguments...)...)
	command.Env = append(command.Environ(), "PPROF_TMPDIR="+t.TempDir())
	var problems strings.Builder
	command.Stderr = &problems
	output, err := command.Output()
	t.Logf("%s%s", output, problems.String())
	return string(output), err
}
