// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package plan decides, for one executable, which probes can be attached where
// and by which offsets they may read. It is pure: what is not proven by the
// analysis of the binary is left out, with the reason.
package plan

import (
	"errors"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// Binary is what a plan needs to know of an executable.
type Binary interface {
	GoVersion() string
	ModuleVersion(path string) string
	Function(name string) (goexec.Function, error)
	ProbePoint(f goexec.Function) (uint64, error)
	AfterCall(caller, callee goexec.Function) (uint64, error)
	CallSites(caller, callee goexec.Function) ([]uint64, error)
	Symbol(name string) (goexec.Symbol, error)
	BranchOnResult(caller, inlined, callee string) (uint64, error)
	TypeSize(name string) (uint64, error)
	Offsets(fields []goexec.Field) (map[goexec.Field]goexec.Offset, error)
	WaitReasons() (map[uint8]string, error)
	TLSOffset() (int64, error)
	// Constants are the addresses, as linked, of what the process cannot write to.
	Constants() (begin, end uint64)
}

// Probe names a BPF program that is attached to a function of the process.
type Probe string

// The probes, by the names of their programs in bpf/.
const (
	GoroutineStatus    Probe = "goroutine_status"
	GoroutinePreempted Probe = "goroutine_preempted"
	GoroutineEnds      Probe = "goroutine_ends"
	AllocationSampled  Probe = "allocation_sampled"
	GoroutineCreated   Probe = "goroutine_created"
	WorldStops         Probe = "world_stops"
	WorldStarts        Probe = "world_starts"
	WorldRuns          Probe = "world_runs"
	RequestStarts      Probe = "request_starts"
	RequestFinishes    Probe = "request_finishes"
	RequestHijacked    Probe = "request_hijacked"
	HTTP2Starts        Probe = "http2_starts"
	HTTP2Finishes      Probe = "http2_finishes"
	SDKTracerStarts    Probe = "sdk_tracer_starts"
	SDKSpanStarts      Probe = "sdk_span_starts"
	SDKSpanEnds        Probe = "sdk_span_ends"
	SDKSpanEnded       Probe = "sdk_span_ended"
	RPCHeaders         Probe = "rpc_headers"
	RPCStarts          Probe = "rpc_starts"
	RPCFinishes        Probe = "rpc_finishes"
	// Those of golang.org/x/net/http2.
	HTTP2ModuleStarts   Probe = "http2_module_starts"
	HTTP2ModuleFinishes Probe = "http2_module_finishes"
	// WorldRunsOther is the program world_runs at a second place.
	WorldRunsOther Probe = "world_runs_other"
	// RPCFinishesHTTP is the program rpc_finishes where net/http serves gRPC.
	RPCFinishesHTTP   Probe = "rpc_finishes_http"
	ClientStarts      Probe = "client_starts"
	ClientFinishes    Probe = "client_finishes"
	RPCClientStarts   Probe = "rpc_client_starts"
	RPCClientBegun    Probe = "rpc_client_begun"
	RPCClientFinishes Probe = "rpc_client_finishes"
	RPCStreamStarts   Probe = "rpc_stream_starts"
	RPCStreamBegun    Probe = "rpc_stream_begun"

	SQLQueryStarts     Probe = "sql_query_starts"
	SQLExecStarts      Probe = "sql_exec_starts"
	SQLStatementStarts Probe = "sql_statement_starts"
	// SQLStatementQueries and SQLStatementExecs are one program.
	SQLStatementQueries Probe = "sql_statement_queries"
	SQLStatementExecs   Probe = "sql_statement_execs"
	SQLQuerySucceeds    Probe = "sql_query_succeeds"
	// Those that give a connection back are one program.
	SQLConnectionReleased  Probe = "sql_connection_released"
	SQLTransactionReleased Probe = "sql_transaction_released"
	SQLReservedReleased    Probe = "sql_reserved_released"

	LookupStarts          Probe = "lookup_starts"
	LookupEnds            Probe = "lookup_ends"
	HandshakeStarts       Probe = "handshake_starts"
	HandshakeServerStarts Probe = "handshake_server_starts"
	HandshakeEnds         Probe = "handshake_ends"
)

// Feature is what a group of probes makes visible. Its probes are attached all
// or not at all.
type Feature string

// The features.
const (
	Ledger       Feature = "ledger"
	StopTheWorld Feature = "stop_the_world"
	Requests     Feature = "requests"
	Routes       Feature = "routes"
	// HTTP2 are the requests that come over HTTP/2.
	HTTP2        Feature = "http2_requests"
	TraceContext Feature = "trace_context"
	SDKSpans     Feature = "sdk_spans"
	EndedSpans   Feature = "ended_spans"
	// SDKSpanContents are spans of an SDK, whole.
	SDKSpanContents Feature = "sdk_span_contents"
	Hijacks         Feature = "hijacks"
	GCCycles        Feature = "gc_cycles"
	ParkedStacks    Feature = "parked_stacks"
	// Governing takes the scheduler's probes off while they cost too much.
	Governing Feature = "governing"
	// Inheritance gives goroutines the span in which they were started.
	Inheritance Feature = "inheritance"
	// HandOver gives goroutines the span whose work they take over a channel.
	HandOver Feature = "hand_over"
	// RPCs are the calls on a gRPC server.
	RPCs            Feature = "rpcs"
	RPCTraceContext Feature = "rpc_trace_context"
	// Clients are the requests that net/http clients send.
	Clients Feature = "client_requests"
	// RPCClients are the unary calls that gRPC clients make.
	RPCClients      Feature = "rpc_client_calls"
	RPCClientStatus Feature = "rpc_client_status"
	// RPCStreams are the streams that gRPC clients open.
	RPCStreams Feature = "rpc_client_streams"
	// SQL are the queries by database/sql.
	SQL Feature = "sql"
	// Lookups are those of names, Handshakes those of TLS.
	Lookups    Feature = "lookups"
	Handshakes Feature = "handshakes"
	// Sampling reads the states of goroutines where no probe is on the scheduler.
	Sampling Feature = "sampling"
	// ThreadIdentity tells the goroutine of a thread by the thread itself.
	ThreadIdentity Feature = "thread_identity"
	// RuntimeMetrics need no probe: package goruntime plans them.
	RuntimeMetrics Feature = "runtime_metrics"
	// Goroutines need no probe either: package goroutines plans their dumps.
	Goroutines Feature = "goroutines"
	// SpanAllocations are the bytes that a span's goroutine allocates.
	SpanAllocations Feature = "span_allocations"
	// Profiles need none of this plan: package profile finds the source of code.
	Profiles Feature = "profiles"
	// Allocations neither: package allocations plans the reading of heap profiles.
	Allocations Feature = "allocations"
)

// Unknown marks an offset that was not proven: UNKNOWN_OFFSET of bpf/headers/process.h.
const Unknown = 0xffff

// Offsets are in bytes within the runtime's and the libraries' structs, Unknown
// where they were not proven.
type Offsets struct {
	GoroutineID, WaitReason, SchedBP                                            uint16
	Status, GoroutineM, CurrentG, StartPC                                       uint16
	RequestMethod, RequestURL, RequestHeader, RequestProtoMajor, RequestPattern uint16
	URLPath                                                                     uint16
	ResponseStatus, ResponseRequest                                             uint16
	SpanContext, SpanParent, SpanEndTime                                        uint16
	ContextTraceID, ContextSpanID, ContextFlags                                 uint16
	RPC                                                                         RPCOffsets
	HTTP                                                                        HTTPOffsets
	HTTP2                                                                       [http2Servers]HTTP2Offsets
	SQL                                                                         SQLOffsets
	TLS                                                                         TLSOffsets
	Channel                                                                     ChannelOffsets
}

// Range is code from Begin up to End, as linked, without the load bias.
type Range struct{ Begin, End uint64 }

// Refusal says which feature is left out for a binary, and why.
type Refusal struct {
	Feature Feature
	Reason  error
}

// Plan is what can be observed of the processes of one executable.
type Plan struct {
	GoVersion string
	// Probes holds the file offset at which each probe is attached.
	Probes  map[Probe]uint64
	Offsets Offsets
	// Network is code of clients that wait in a select for their reader
	// goroutine to hand over what the network brought.
	Network []Range
	// Collector is code of the garbage collector in which a goroutine that
	// assists it waits for a semaphore.
	Collector []Range
	// SystemStarts are the addresses, as linked, of functions that the runtime
	// starts goroutines of its own with.
	SystemStarts []uint64
	// HandOvers is zero where it is not seen that goroutines take work over a channel.
	HandOvers HandOvers
	// WaitCauses is indexed by the runtime's wait reason: a ledger.Cause, with
	// waitExecutes where the goroutine executes on the system stack meanwhile, and
	// waitAssists where it assists the collector.
	WaitCauses [waitReasons]uint8
	// TLSG is where a thread's g is, in bytes from the base of its thread-local
	// storage, 0 where unknown.
	TLSG int32
	// Sampled: the states of its goroutines can be read out of its memory.
	Sampled bool
	// GCCycles is the address of runtime.work.cycles as linked, 0 where unknown.
	GCCycles uint64
	// GCPhase is the address of runtime.gcphase as linked, 0 where unknown.
	GCPhase uint64
	// MemProfileRate is the address of runtime.MemProfileRate as linked, 0 where
	// unknown.
	MemProfileRate uint64
	// SwissHeaders: http.Header is a Swiss map.
	SwissHeaders bool
	// HTTP2: requests over HTTP/2 are seen.
	HTTP2 bool
	// StopArguments: startTheWorldWithSema is told when all had stopped.
	StopArguments bool
	// EOF is the address of io.EOF as linked, 0 where unknown.
	EOF uint64
	// RPCErrors is the address, as linked, by which a gRPC status as an error is
	// known; 0 where unknown.
	RPCErrors uint64
	// UnaryDesc is the address, as linked, of the pointer to gRPC's description of
	// unary calls, by which streams are told from them; 0 where unknown.
	UnaryDesc uint64
	// StreamBehind: a gRPC ServerStream points to its Stream.
	StreamBehind bool
	// SQLDrivers are the addresses, as linked, of what sqldriver.Known names; 0
	// where it is not linked.
	SQLDrivers []uint64
	// Constants is what the process cannot write to, as linked.
	Constants Range
	// SDK is where an SDK keeps its spans, and SDKEnd the file offset at which they
	// can be told whole, 0 where that is not proven. See WithSDKSpans.
	SDK     SDKLayout
	SDKEnd  uint64
	Refused []Refusal
}

// Has reports whether the plan attaches the probe.
func (p *Plan) Has(probe Probe) bool {
	_, ok := p.Probes[probe]
	return ok
}

// beginsSpans reports whether anything in the process can begin a span. Those of
// clients are below others.
func (p *Plan) beginsSpans() bool {
	return p.Has(RequestStarts) || p.Has(HTTP2Starts) || p.Has(HTTP2ModuleStarts) || p.Has(RPCStarts) || p.Has(SDKSpanStarts)
}

// For makes the plan of a binary. Functions that are not linked into it are no
// refusal: there is nothing to see.
func For(b Binary) *Plan {
	p := &Plan{GoVersion: b.GoVersion(), Probes: map[Probe]uint64{}, Offsets: unknownOffsets()}
	m := maker{binary: b, plan: p}
	version, err := parseVersion(p.GoVersion)
	if err == nil && version.less(1, 21) {
		err = fmt.Errorf("%s is older than Go 1.21", p.GoVersion)
	}
	if err != nil {
		m.refuse(Ledger, err)
		return p
	}
	p.Constants.Begin, p.Constants.End = b.Constants()
	m.ledger()
	m.stopTheWorld(version)
	m.requests(version)
	m.http2(version)
	m.sdkSpans()
	m.rpcs()
	m.clients()
	m.rpcClients()
	m.sql()
	m.lookups()
	m.handshakes(version)
	m.governing()
	m.spanAllocations()
	m.sampling()
	m.inheritance()
	m.handOvers(version)
	return p
}

// maker collects what could be proven.
type maker struct {
	binary Binary
	plan   *Plan
}

func (m *maker) refuse(feature Feature, reason error) {
	m.plan.Refused = append(m.plan.Refused, Refusal{Feature: feature, Reason: reason})
}

// probes plans the given probes, all or none. It reports false where a function
// is missing or has no place for a probe, and refuses the feature unless none
// of the functions is linked.
func (m *maker) probes(feature Feature, wanted map[Probe]string) bool {
	points := make(map[Probe]uint64, len(wanted))
	var problems []error
	absent := 0
	for probe, name := range wanted {
		f, err := m.binary.Function(name)
		if errors.Is(err, goexec.ErrNoFunction) {
			absent++
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		point, err := m.binary.ProbePoint(f)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		points[probe] = point
	}
	if absent == len(wanted) {
		return false
	}
	if err := errors.Join(problems...); err != nil {
		m.refuse(feature, err)
		return false
	}
	for probe, point := range points {
		m.plan.Probes[probe] = point
	}
	return true
}

// want is a struct field and where its offset goes.
type want struct {
	field goexec.Field
	into  *uint16
}

// offsets resolves fields. It refuses the feature where one of them is not proven.
func (m *maker) offsets(feature Feature, wanted ...want) bool {
	fields := make([]goexec.Field, len(wanted))
	for i, w := range wanted {
		fields[i] = w.field
	}
	found, err := m.binary.Offsets(fields)
	for _, w := range wanted {
		offset, ok := found[w.field]
		if !ok {
			m.refuse(feature, err)
			return false
		}
		if offset.Bytes >= Unknown {
			m.refuse(feature, fmt.Errorf("%s.%s is at byte %d, too far for a probe", w.field.Type, w.field.Name, offset.Bytes))
			return false
		}
	}
	for _, w := range wanted {
		*w.into = uint16(found[w.field].Bytes)
	}
	return true
}

func (m *maker) drop(probes ...Probe) {
	for _, probe := range probes {
		delete(m.plan.Probes, probe)
	}
}

func unknownOffsets() Offsets {
	const u = Unknown
	return Offsets{u, u, u, u, u, u, u, u, u, u, u, u, u, u, u, u, u, u, u, u, u,
		RPCOffsets{u, u, u, u, u, u, u, u, u, u, u, u, u, u, u}, HTTPOffsets{u, u, u, u, u, u, u, u},
		[http2Servers]HTTP2Offsets{{u, u, u, false, u, u, u, u}, {u, u, u, false, u, u, u, u}}, SQLOffsets{u, u}, TLSOffsets{u, u, u, u},
		ChannelOffsets{u, u, u, u, u, u, u, u}}
}
