// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// networkWaiters are functions in which a client waits, in a select or on a
// channel, until its connection's reader goroutine hands over what arrived.
func networkWaiters() []string {
	return []string{
		"net/http.(*persistConn).roundTrip",
		"net/http.(*http2clientStream).doRequest",
		"net/http.(*http2ClientConn).roundTrip",
		"net/http.(*Transport).getConn",
		"golang.org/x/net/http2.(*ClientConn).roundTrip",
		"google.golang.org/grpc/internal/transport.(*recvBufferReader).readClient",
		"google.golang.org/grpc/internal/transport.(*recvBufferReader).readMessageHeaderClient",
		"google.golang.org/grpc/internal/transport.(*ClientStream).waitOnHeader",
	}
}

// collectorWaiters are functions of the garbage collector that wait for its
// semaphores on the goroutine that had to allocate.
func collectorWaiters() []string {
	return []string{"runtime.gcAssistAlloc", "runtime.gcMarkDone", "runtime.gcStart"}
}

func (m *maker) ledger() {
	if !m.probes(Ledger, map[Probe]string{
		GoroutineStatus:    "runtime.casgstatus",
		GoroutinePreempted: "runtime.preemptPark",
	}) {
		if len(m.plan.Refused) == 0 {
			m.refuse(Ledger, errors.New("the scheduler is not among its functions"))
		}
		return
	}
	o := &m.plan.Offsets
	reasons, err := m.binary.WaitReasons()
	if err != nil {
		m.refuse(Ledger, err)
	}
	if err != nil || !m.offsets(Ledger,
		want{goexec.Field{Type: "runtime.g", Name: "goid"}, &o.GoroutineID},
		want{goexec.Field{Type: "runtime.g", Name: "waitreason"}, &o.WaitReason},
	) {
		m.drop(GoroutineStatus, GoroutinePreempted)
		return
	}
	m.plan.WaitCauses = waitCauses(reasons)
	m.parkedStacks()
}

// parkedStacks tells by whom a goroutine was parked. It needs the saved frame
// pointer.
func (m *maker) parkedStacks() {
	m.plan.Network = m.code(networkWaiters())
	m.plan.Collector = m.code(collectorWaiters())
	m.offsets(ParkedStacks, want{goexec.Field{Type: "runtime.g", Name: "sched.bp"}, &m.plan.Offsets.SchedBP})
}

// code is where those of the functions are that are linked into the binary.
func (m *maker) code(names []string) []Range {
	var ranges []Range
	for _, name := range names {
		if f, err := m.binary.Function(name); err == nil {
			ranges = append(ranges, Range{Begin: f.Addr, End: f.Addr + f.Size})
		}
	}
	return ranges
}

func (m *maker) stopTheWorld(version goVersion) {
	if !m.probes(StopTheWorld, map[Probe]string{
		WorldStops:  "runtime.stopTheWorldWithSema",
		WorldStarts: "runtime.startTheWorldWithSema",
	}) {
		return
	}
	m.plan.StopArguments = !version.less(1, 23)
	m.worldRuns()
	work, err := m.binary.Symbol("runtime.work")
	if err != nil {
		m.refuse(GCCycles, err)
		return
	}
	var cycles uint16
	if m.offsets(GCCycles, want{goexec.Field{Type: "runtime.workType", Name: "cycles"}, &cycles}) {
		m.plan.GCCycles = work.Addr + uint64(cycles)
	}
	phase, err := m.binary.Symbol("runtime.gcphase")
	if err != nil {
		m.refuse(GCCycles, err)
		return
	}
	m.plan.GCPhase = phase.Addr
}

// worldRuns finds where startTheWorldWithSema notes how long the Ps stood still,
// which is when it has started them: one place for stops of the collector, one
// for others. Before Go 1.22 it does not, and stops end for us where it begins.
func (m *maker) worldRuns() {
	starts, startsErr := m.binary.Function("runtime.startTheWorldWithSema")
	record, recordErr := m.binary.Function("runtime.(*timeHistogram).record")
	if startsErr != nil || recordErr != nil {
		return
	}
	sites, err := m.binary.CallSites(starts, record)
	if err != nil || len(sites) != 2 {
		return
	}
	m.plan.Probes[WorldRuns], m.plan.Probes[WorldRunsOther] = sites[0], sites[1]
}

func (m *maker) requests(version goVersion) {
	if !m.probes(Requests, map[Probe]string{
		RequestStarts:   "net/http.serverHandler.ServeHTTP",
		RequestFinishes: "net/http.(*response).finishRequest",
	}) {
		return
	}
	o := &m.plan.Offsets
	if !m.goroutineID(Requests) || !m.offsets(Requests,
		want{goexec.Field{Type: "net/http.Request", Name: "Method"}, &o.RequestMethod},
		want{goexec.Field{Type: "net/http.Request", Name: "URL"}, &o.RequestURL},
		want{goexec.Field{Type: "net/http.Request", Name: "ProtoMajor"}, &o.RequestProtoMajor},
		want{goexec.Field{Type: "net/url.URL", Name: "Path"}, &o.URLPath},
		want{goexec.Field{Type: "net/http.response", Name: "status"}, &o.ResponseStatus},
		want{goexec.Field{Type: "net/http.response", Name: "req"}, &o.ResponseRequest},
		want{goexec.Field{Type: "net/http.Request", Name: "ProtoMinor"}, &o.HTTP.ProtoMinor},
	) {
		m.drop(RequestStarts, RequestFinishes)
		return
	}
	if !version.less(1, 23) {
		m.offsets(Routes, want{goexec.Field{Type: "net/http.Request", Name: "Pattern"}, &o.RequestPattern})
	}
	m.traceContext(version)
	// Absent where nothing in the program takes connections over.
	m.probes(Hijacks, map[Probe]string{RequestHijacked: "net/http.(*response).Hijack"})
}

// traceContext reads http.Header, which is a Swiss map where the binary has
// their code: from Go 1.24 on, unless built with GOEXPERIMENT=noswissmap. Their
// layout is known up to Go 1.27, but for that of GOEXPERIMENT=mapsplitgroup.
func (m *maker) traceContext(version goVersion) {
	if !version.less(1, 28) || strings.Contains(m.plan.GoVersion, "mapsplitgroup") {
		m.refuse(TraceContext, fmt.Errorf("the layout of maps of %s is not known", m.plan.GoVersion))
		return
	}
	if _, err := m.binary.Function("internal/runtime/maps.(*Map).growToTable"); err != nil {
		m.refuse(TraceContext, errors.New("its maps are not Swiss maps (Go 1.24 and later), the only ones that are read"))
		return
	}
	m.plan.SwissHeaders = m.offsets(TraceContext,
		want{goexec.Field{Type: "net/http.Request", Name: "Header"}, &m.plan.Offsets.RequestHeader})
}

func (m *maker) sdkSpans() {
	const sdk = "go.opentelemetry.io/otel/sdk/trace."
	const api = "go.opentelemetry.io/otel/trace.SpanContext"
	if !m.probes(SDKSpans, map[Probe]string{
		SDKTracerStarts: sdk + "(*tracer).Start",
		SDKSpanStarts:   sdk + "(*recordingSpan).runtimeTrace",
		SDKSpanEnds:     sdk + "(*recordingSpan).End",
	}) {
		return
	}
	o := &m.plan.Offsets
	if !m.goroutineID(SDKSpans) || !m.offsets(SDKSpans,
		want{goexec.Field{Type: sdk + "recordingSpan", Name: "spanContext"}, &o.SpanContext},
		want{goexec.Field{Type: sdk + "recordingSpan", Name: "parent"}, &o.SpanParent},
		want{goexec.Field{Type: api, Name: "traceID"}, &o.ContextTraceID},
		want{goexec.Field{Type: api, Name: "spanID"}, &o.ContextSpanID},
		want{goexec.Field{Type: api, Name: "traceFlags"}, &o.ContextFlags},
	) {
		m.drop(SDKTracerStarts, SDKSpanStarts, SDKSpanEnds)
		return
	}
	// Without it, a span that ended on another goroutine passes for an open one.
	if m.offsets(EndedSpans, want{goexec.Field{Type: sdk + "recordingSpan", Name: "endTime"}, &o.SpanEndTime}) {
		m.sdkContents()
	}
}

// governing needs to see goroutines end without the probes on the scheduler.
// Ledgers are of spans: where nothing begins one, these would cost for nothing.
func (m *maker) governing() {
	if !m.plan.beginsSpans() {
		m.drop(GoroutineStatus, GoroutinePreempted)
		return
	}
	m.probes(Governing, map[Probe]string{GoroutineEnds: "runtime.goexit0"})
}

func (m *maker) goroutineID(feature Feature) bool {
	if m.plan.Offsets.GoroutineID != Unknown {
		return true
	}
	return m.offsets(feature, want{goexec.Field{Type: "runtime.g", Name: "goid"}, &m.plan.Offsets.GoroutineID})
}
