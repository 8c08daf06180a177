// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

// What the receiver asks of a target: the functions that it probes and the
// fields that it reads.
var wantedFunctions = []string{
	"runtime.casgstatus", "runtime.newproc1", "runtime.goexit0", "runtime.gopark", "runtime.park_m", "runtime.ready",
	"runtime.execute", "runtime.startTheWorldWithSema", "runtime.stopTheWorldWithSema", "runtime.gcStart",
	"runtime.gcMarkTermination", "runtime.gcAssistAlloc",
	"net/http.serverHandler.ServeHTTP", "net/http.(*response).finishRequest",
	"go.opentelemetry.io/otel/sdk/trace.(*recordingSpan).runtimeTrace", "go.opentelemetry.io/otel/sdk/trace.(*recordingSpan).End",
}

var runtimeFields = []Field{
	{"runtime.g", "goid"}, {"runtime.g", "m"}, {"runtime.g", "atomicstatus"}, {"runtime.g", "waitreason"},
	{"runtime.g", "sched.sp"}, {"runtime.g", "sched.pc"}, {"runtime.g", "sched.bp"}, {"runtime.g", "stack.lo"},
	{"runtime.g", "stack.hi"}, {"runtime.g", "gopc"}, {"runtime.g", "startpc"}, {"runtime.g", "parentGoid"},
	{"runtime.m", "curg"}, {"runtime.m", "p"}, {"runtime.m", "mLockProfile.waitTime"},
	{"runtime.schedt", "timeToRun"}, {"runtime.schedt", "timeToRun.counts"}, {"runtime.schedt", "stwTotalTimeGC"},
	{"runtime.schedt", "totalMutexWaitTime"}, {"runtime.schedt", "ngsys"},
	{"runtime.mstats", "heapStats"}, {"runtime.mstats", "numgc"}, {"runtime.mstats", "pause_total_ns"},
	{"runtime.gcControllerState", "heapLive"}, {"runtime.workType", "cpuStats.GCAssistTime"},
	{"runtime.timeHistogram", "overflow"}, {"runtime.consistentHeapStats", "gen"}, {"runtime.heapStatsDelta", "smallAllocCount"},
}

var httpFields = []Field{
	{"net/http.Request", "Method"}, {"net/http.Request", "URL"}, {"net/http.Request", "Header"},
	{"net/http.Request", "ProtoMajor"}, {"net/http.Request", "Pattern"}, {"net/http.Request", "RemoteAddr"},
	{"net/http.Request", "Host"}, {"net/http.Request", "ContentLength"}, {"net/url.URL", "Path"},
	{"net/http.response", "status"}, {"net/http.response", "req"}, {"net/http.response", "written"},
	{"net/http.Request", "ProtoMinor"}, {"net/http.Response", "StatusCode"}, {"net/http.Response", "ProtoMajor"},
	{"net/http.Response", "ProtoMinor"}, {"net/url.URL", "Scheme"}, {"net/url.URL", "Host"},
}

var sdkFields = []Field{
	{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "parent"},
	{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "name"},
	{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "spanContext"},
	{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "spanContext.traceID"},
	{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "spanKind"},
	{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "startTime"},
	{"go.opentelemetry.io/otel/trace.SpanContext", "traceID"},
	{"go.opentelemetry.io/otel/trace.SpanContext", "spanID"},
	{"go.opentelemetry.io/otel/trace.SpanContext", "traceFlags"},
	{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "status.Description"},
	{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "events.queue"},
	{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "links.droppedCount"},
	{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "parent.traceState.list"},
	{"go.opentelemetry.io/otel/sdk/trace.Event", "Attributes"},
	{"go.opentelemetry.io/otel/sdk/trace.Link", "SpanContext.remote"},
	{"go.opentelemetry.io/otel/sdk/trace.tracer", "instrumentationScope.Attributes.data"},
	{"go.opentelemetry.io/otel/sdk/trace.TracerProvider", "resource"},
	{"go.opentelemetry.io/otel/sdk/resource.Resource", "attrs.data"},
	{"go.opentelemetry.io/otel/attribute.KeyValue", "Value"},
	{"go.opentelemetry.io/otel/attribute.Value", "slice"},
	{"go.opentelemetry.io/otel/trace.member", "Value"},
}

func wantedFields() []Field {
	return append(append(append([]Field(nil), runtimeFields...), httpFields...), sdkFields...)
}
