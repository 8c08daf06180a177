// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/headertest"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// partial is a real binary from which some knowledge was taken away.
type partial struct {
	Binary
	version     string
	functions   map[string]error
	points      map[string]error
	fields      map[string]bool
	noWaits     bool
	noSymbols   bool
	noTLS       bool
	farAwayType string
	modules     map[string]string
}

func (p *partial) GoVersion() string {
	if p.version != "" {
		return p.version
	}
	return p.Binary.GoVersion()
}

func (p *partial) ModuleVersion(path string) string {
	if version, ok := p.modules[path]; ok {
		return version
	}
	return p.Binary.ModuleVersion(path)
}

func (p *partial) Function(name string) (goexec.Function, error) {
	if err := p.functions[name]; err != nil {
		return goexec.Function{}, err
	}
	return p.Binary.Function(name)
}

func (p *partial) ProbePoint(f goexec.Function) (uint64, error) {
	if err := p.points[f.Name]; err != nil {
		return 0, err
	}
	return p.Binary.ProbePoint(f)
}

func (p *partial) Symbol(name string) (goexec.Symbol, error) {
	if p.noSymbols {
		return goexec.Symbol{}, goexec.ErrNoSymbol
	}
	return p.Binary.Symbol(name)
}

func (p *partial) Offsets(fields []goexec.Field) (map[goexec.Field]goexec.Offset, error) {
	found, err := p.Binary.Offsets(fields)
	for _, field := range fields {
		if p.fields[field.Type+"."+field.Name] {
			delete(found, field)
			err = errors.Join(err, fmt.Errorf("%w: %s.%s", goexec.ErrNoOffset, field.Type, field.Name))
		}
		if field.Type == p.farAwayType {
			found[field] = goexec.Offset{Bytes: 1 << 20}
		}
	}
	return found, err
}

func (p *partial) WaitReasons() (map[uint8]string, error) {
	if p.noWaits {
		return nil, errors.New("no wait reasons")
	}
	return p.Binary.WaitReasons()
}

func (p *partial) TLSOffset() (int64, error) {
	if p.noTLS {
		return 0, goexec.ErrNoOffset
	}
	return p.Binary.TLSOffset()
}

func target(t *testing.T) Binary {
	t.Helper()
	b, err := goexec.Open(targettest.Build(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func features(p *Plan) []Feature {
	var refused []Feature
	for _, r := range p.Refused {
		refused = append(refused, r.Feature)
	}
	return refused
}

func TestForARealServer(t *testing.T) {
	p := For(target(t))
	require.Empty(t, p.Refused)
	require.Len(t, p.Probes, 23)
	require.NotZero(t, p.GCPhase)
	require.NotZero(t, p.SDKEnd)
	require.Len(t, p.WithSDKSpans().Probes, len(p.Probes)+1)
	require.NotContains(t, fmt.Sprint(p.Offsets.HTTP), "65535")
	require.NotContains(t, fmt.Sprint(p.Offsets.Channel), "65535")
	require.NotZero(t, p.HandOvers)
	require.True(t, p.SwissHeaders)
	require.True(t, p.Sampled)
	require.EqualValues(t, -8, p.TLSG)
	require.True(t, p.StopArguments)
	require.NotZero(t, p.GCCycles)
	require.NotEmpty(t, p.Network)
	require.Len(t, p.Collector, 3)
	require.NotEmpty(t, p.SystemStarts)
	require.Contains(t, p.WaitCauses[:], uint8(ledger.BlockedMutex))
	require.Contains(t, p.WaitCauses[:], uint8(ledger.GCAssist)|waitExecutes|waitAssists)
}

func TestWhatIsNotProvenIsLeftOut(t *testing.T) {
	real := target(t)
	const finish, starts = "net/http.(*response).finishRequest", "net/http.serverHandler.ServeHTTP"
	for name, test := range map[string]struct {
		binary  partial
		refused []Feature
		without []Probe
	}{
		"Go 1.20": {partial{version: "go1.20.14"}, []Feature{Ledger},
			[]Probe{GoroutineStatus, WorldStops, RequestStarts, SDKSpanStarts}},
		"a version of no release": {partial{version: "devel +abc"}, []Feature{Ledger}, []Probe{GoroutineStatus}},
		"no scheduler": {partial{functions: map[string]error{"runtime.casgstatus": goexec.ErrNoFunction, "runtime.preemptPark": goexec.ErrNoFunction}},
			[]Feature{Ledger}, []Probe{GoroutineStatus}},
		"half of a feature": {partial{functions: map[string]error{finish: goexec.ErrNoFunction}},
			[]Feature{Requests}, []Probe{RequestStarts, RequestFinishes}},
		"no net/http is no refusal": {partial{functions: map[string]error{finish: goexec.ErrNoFunction, starts: goexec.ErrNoFunction}},
			nil, []Probe{RequestStarts, RequestFinishes}},
		"no safe place": {partial{points: map[string]error{starts: goexec.ErrNoProbePoint}},
			[]Feature{Requests}, []Probe{RequestStarts, RequestFinishes}},
		"no wait reasons":        {partial{noWaits: true}, []Feature{Ledger, Sampling}, []Probe{GoroutineStatus}},
		"no state of goroutines": {partial{fields: map[string]bool{"runtime.g.atomicstatus": true}}, []Feature{Sampling}, nil},
		"no thread-local g":      {partial{noTLS: true}, []Feature{ThreadIdentity}, nil},
		"no thread's goroutine":  {partial{fields: map[string]bool{"runtime.m.curg": true}}, []Feature{ThreadIdentity, Inheritance}, []Probe{GoroutineCreated}},
		"no queue of new goroutines": {partial{functions: map[string]error{"runtime.runqput": goexec.ErrNoFunction}},
			[]Feature{Inheritance}, []Probe{GoroutineCreated}},
		"no start of a goroutine": {partial{fields: map[string]bool{"runtime.g.startpc": true}},
			[]Feature{Inheritance}, []Probe{GoroutineCreated}},
		"no end of a goroutine": {partial{points: map[string]error{"runtime.goexit0": goexec.ErrNoProbePoint, "runtime.casgstatus": goexec.ErrNoProbePoint}},
			[]Feature{Ledger, Governing, Inheritance}, []Probe{GoroutineCreated, GoroutineEnds, GoroutineStatus}},
		"no status": {partial{fields: map[string]bool{"net/http.response.status": true}},
			[]Feature{Requests}, []Probe{RequestStarts, RequestFinishes}},
		"no pattern": {partial{fields: map[string]bool{"net/http.Request.Pattern": true}}, []Feature{Routes}, nil},
		"no header": {partial{functions: map[string]error{"internal/runtime/maps.(*Map).growToTable": goexec.ErrNoFunction}},
			[]Feature{TraceContext}, nil},
		"maps of another layout": {partial{version: "go1.27.0 X:mapsplitgroup"}, []Feature{TraceContext}, nil},
		"a Go to come":           {partial{version: "go1.28.0"}, []Feature{TraceContext}, nil},
		"an offset too far":      {partial{farAwayType: "net/url.URL"}, []Feature{Requests, HTTP2, Clients}, []Probe{RequestStarts, HTTP2Starts, ClientStarts}},
		"a writer of HTTP/2 of another shape": {partial{fields: map[string]bool{"net/http.http2responseWriterState.status": true}},
			[]Feature{HTTP2}, []Probe{HTTP2Starts, HTTP2Finishes}},
		"no symbols":             {partial{noSymbols: true}, []Feature{GCCycles, SpanAllocations}, []Probe{AllocationSampled}},
		"no saved frame pointer": {partial{fields: map[string]bool{"runtime.g.sched.bp": true}}, []Feature{ParkedStacks, HandOver}, nil},
		"channels of another shape": {partial{fields: map[string]bool{"runtime.hchan.dataqsiz": true}},
			[]Feature{HandOver}, nil},
		"no receiver": {partial{functions: map[string]error{"runtime.chanrecv": goexec.ErrNoFunction}},
			[]Feature{HandOver}, nil},
		"no place for the ends of goroutines": {partial{points: map[string]error{"runtime.goexit0": goexec.ErrNoProbePoint}},
			[]Feature{Governing}, []Probe{GoroutineEnds}},
		"an SDK of unknown shape": {partial{fields: map[string]bool{"go.opentelemetry.io/otel/sdk/trace.recordingSpan.spanContext": true}},
			[]Feature{SDKSpans}, []Probe{SDKSpanStarts, SDKSpanEnds}},
		"an SDK that keeps its ends elsewhere": {partial{fields: map[string]bool{"go.opentelemetry.io/otel/sdk/trace.recordingSpan.endTime": true}},
			[]Feature{EndedSpans}, nil},
		"an SDK whose links are of unknown shape": {partial{fields: map[string]bool{"go.opentelemetry.io/otel/sdk/trace.Link.Attributes": true}},
			[]Feature{SDKSpanContents}, nil},
		"attributes of another shape": {partial{fields: map[string]bool{"go.opentelemetry.io/otel/attribute.Value.slice": true}},
			[]Feature{SDKSpanContents}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			test.binary.Binary = real
			p := For(&test.binary)
			require.Equal(t, test.refused, features(p))
			for _, r := range p.Refused {
				require.Error(t, r.Reason)
			}
			for _, probe := range test.without {
				require.False(t, p.Has(probe), probe)
			}
		})
	}
}

func TestAProgramWithoutServerOrSDK(t *testing.T) {
	gofmt, err := exec.LookPath("gofmt")
	require.NoError(t, err)
	b, err := goexec.Open(gofmt)
	require.NoError(t, err)
	defer b.Close()
	p := For(b)
	require.False(t, p.Has(RequestStarts))
	require.False(t, p.Has(SDKSpanStarts))
	require.NotContains(t, features(p), Requests)
	require.NotContains(t, features(p), SDKSpans)
	require.False(t, p.Has(GoroutineStatus), "there is no span to make a ledger of")
	require.False(t, p.Has(GoroutineEnds))
	require.True(t, p.Has(WorldStops))
}

func TestWhenTheWorldTellsThatItStopped(t *testing.T) {
	real := target(t)
	for version, want := range map[string]bool{"go1.22.12": false, "go1.23.0": true, "go1.26.8": true} {
		require.Equal(t, want, For(&partial{Binary: real, version: version}).StopArguments, version)
	}
}

// The BPF programs have room for that many: no release of Go has all.
func TestStartsOfTheRuntimeFit(t *testing.T) {
	p := For(target(t))
	require.LessOrEqual(t, int64(len(p.SystemStarts)), headertest.Constants(t, "process.h")["SYSTEM_STARTS"])
	for _, name := range []string{"runtime.gcBgMarkStartWorkers.gowrap1", "runtime.runFinalizers", "runtime.runCleanups"} {
		f, err := target(t).Function(name)
		require.NoError(t, err)
		require.Contains(t, p.SystemStarts, f.Addr, name)
	}
}

// The BPF programs have room for that many.
func TestCodeRangesFit(t *testing.T) {
	header := headertest.Constants(t, "process.h")
	for name, waiters := range map[string][]string{"NETWORK_RANGES": networkWaiters(), "COLLECTOR_RANGES": collectorWaiters()} {
		require.Contains(t, header, name)
		require.LessOrEqual(t, int64(len(waiters)), header[name], name)
	}
}

func TestNumbersAreThoseOfThePrograms(t *testing.T) {
	header := headertest.Constants(t, "process.h")
	require.EqualValues(t, header["WAIT_REASONS"], waitReasons)
	require.EqualValues(t, header["WAIT_EXECUTES"], waitExecutes)
	require.EqualValues(t, header["WAIT_ASSISTS"], waitAssists)
	require.EqualValues(t, header["UNKNOWN_OFFSET"], Unknown)
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]goVersion{
		"go1.26.8": {1, 26}, "go1.21": {1, 21}, "go1.27rc1": {1, 27}, "go1.24.1 X:noswissmap": {1, 24},
	} {
		got, err := parseVersion(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "devel go1.28-abcdef", "1.26"} {
		_, err := parseVersion(text)
		require.Error(t, err, text)
	}
	require.True(t, goVersion{1, 21}.less(1, 22))
	require.False(t, goVersion{1, 22}.less(1, 22))
	require.False(t, goVersion{2, 0}.less(1, 22))
}

func TestWaitCauses(t *testing.T) {
	causes := waitCauses(map[uint8]string{1: "sync.Mutex.Lock", 2: "select (durable)", 3: "GC assist marking", 70: "sleep", 4: "a new reason"})
	require.Equal(t, uint8(ledger.BlockedMutex), causes[1])
	require.Equal(t, uint8(ledger.BlockedSelect), causes[2])
	require.Equal(t, uint8(ledger.GCAssist)|waitExecutes|waitAssists, causes[3])
	require.Equal(t, uint8(ledger.Unattributed), causes[4], "an unknown reason is not guessed")
	require.Equal(t, uint8(ledger.Unattributed), causes[63])
}
