// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// Options of the programs as a whole.
type Options struct {
	// BufferBytes is the size of the ring buffer, a power of two and a multiple
	// of the page size. 0 means 4 MiB.
	BufferBytes uint32

	// SDKSpans: the programs that tell spans of SDKs whole are loaded too, where the
	// kernel has what they need.
	SDKSpans bool

	// NoTracepoints: no process will be attached, and the host need not pay for them.
	NoTracepoints bool

	// abilities that the programs use; nil: all that the kernel has.
	abilities *abilities
	// kernel has the types of the running kernel; nil: read them.
	kernel *btf.Spec
}

// Programs are the loaded BPF programs and their maps. The kernel's tracepoints
// are attached once for all processes, the probes of a process by Attach.
type Programs struct {
	spans     spansObjects
	scheduler schedulerObjects
	syscalls  syscallsObjects
	world     worldObjects
	http2     http2Objects
	children  childrenObjects
	rpc       rpcObjects
	clients   clientsObjects
	rpcs      rpcclientsObjects
	sql       sqlObjects
	setup     setupObjects
	network   networkObjects
	profile   profileObjects
	looks     looksObjects
	sdkspans  sdkspansObjects
	block     blockObjects
	signals   signalsObjects
	looker    atomic.Pointer[Looks] // nil: there are none
	clearing  sync.Mutex            // of the count of places that were cleared
	timers    []int                 // perf events of the CPUs' clocks
	refused   []Refusal             // features that this kernel does not have
	// requestQueued is the program of block_bio_queue that fits the kernel.
	requestQueued *ebpf.Program
	links         []link.Link
	has           abilities
	slots         slots
	marks         marks
}

// Load loads all programs and attaches the kernel's tracepoints. The error says
// what the kernel or the process's capabilities lack.
func Load(options Options) (*Programs, error) {
	// Before Linux 5.11 maps count as locked memory.
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("raising the limit of locked memory (needs the capability SYS_RESOURCE before Linux 5.11): %w", err)
	}
	p := &Programs{}
	if options.abilities != nil {
		p.has = *options.abilities
	} else {
		p.has = abilitiesOfKernel()
	}
	if err := p.load(options); err != nil {
		return nil, errors.Join(explain(err), p.Close())
	}
	if options.NoTracepoints {
		return p, nil
	}
	if err := p.attachTracepoints(); err != nil {
		return nil, errors.Join(explain(err), p.Close())
	}
	return p, nil
}

func (p *Programs) load(options Options) error {
	spec, err := loadSpans()
	if err != nil {
		return fmt.Errorf("reading the span programs: %w", err)
	}
	if options.BufferBytes != 0 {
		spec.Maps[spansMapRecords].MaxEntries = options.BufferBytes
	}
	if err := p.has.fit(spec); err != nil {
		return err
	}
	if err := spec.LoadAndAssign(&p.spans, nil); err != nil {
		return fmt.Errorf("loading the span programs: %w", err)
	}
	p.slots.max = p.spans.Hits.MaxEntries()
	if err := p.freePlaces(); err != nil {
		return err
	}
	shared := &ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{
		spansMapChildren:        p.spans.Children,
		spansMapCounters:        p.spans.Counters,
		spansMapCriticalLedgers: p.spans.CriticalLedgers,
		spansMapGoroutines:      p.spans.Goroutines,
		spansMapHits:            p.spans.Hits,
		spansMapInSpan:          p.spans.InSpan,
		spansMapParts:           p.spans.Parts,
		spansMapActivities:      p.spans.Activities,
		spansMapFreePlaces:      p.spans.FreePlaces,
		spansMapFollowedThreads: p.spans.FollowedThreads,
		spansMapClockStates:     p.spans.ClockStates,
		spansMapClocksWanted:    p.spans.ClocksWanted,
		spansMapObserved:        p.spans.Observed,
		spansMapProcesses:       p.spans.Processes,
		spansMapEndingSpans:     p.spans.EndingSpans,
		spansMapRecords:         p.spans.Records,
		spansMapReaderState:     p.spans.ReaderState,
		spansMapStopClocks:      p.spans.StopClocks,
		spansMapThreads:         p.spans.Threads,
	}}
	groups := []struct {
		name string
		load func() (*ebpf.CollectionSpec, error)
		into any
	}{
		{"scheduler", loadScheduler, &p.scheduler},
		{"system call", loadSyscalls, &p.syscalls},
		{"stop-the-world", loadWorld, &p.world},
		{"HTTP/2", loadHttp2, &p.http2},
		{"child goroutine", loadChildren, &p.children},
		{"gRPC", loadRpc, &p.rpc},
		{"client", loadClients, &p.clients},
		{"gRPC client", loadRpcclients, &p.rpcs},
		{"profile", loadProfile, &p.profile},
		{"look", loadLooks, &p.looks},
		{"database/sql", loadSql, &p.sql},
		{"look-up and handshake", loadSetup, &p.setup},
		{"signal", loadSignals, &p.signals},
	}
	for _, group := range groups {
		spec, err := group.load()
		if err != nil {
			return fmt.Errorf("reading the %s programs: %w", group.name, err)
		}
		if m, ok := spec.Maps[spansMapRecords]; ok {
			m.MaxEntries = p.spans.Records.MaxEntries()
		}
		if err := p.has.fit(spec); err != nil {
			return err
		}
		if err := spec.LoadAndAssign(group.into, replacementsOf(spec, shared)); err != nil {
			return fmt.Errorf("loading the %s programs: %w", group.name, err)
		}
	}
	shared.MapReplacements[syscallsMapConnections] = p.syscalls.Connections
	shared.MapReplacements[syscallsMapPendingSyscalls] = p.syscalls.PendingSyscalls
	if options.SDKSpans {
		if err := p.loadSDKSpans(shared); err != nil {
			return err
		}
	}
	kernel := options.kernel
	if kernel == nil {
		if kernel, err = btf.LoadKernelSpec(); err != nil {
			return fmt.Errorf("reading the types of the kernel: %w", err)
		}
	}
	shared.MapReplacements[schedulerMapDiskSums] = p.scheduler.DiskSums
	return errors.Join(p.loadNetwork(shared, kernel), p.loadBlock(shared, kernel))
}

// replacementsOf keeps the shared maps that a group knows: others are refused.
func replacementsOf(spec *ebpf.CollectionSpec, shared *ebpf.CollectionOptions) *ebpf.CollectionOptions {
	known := make(map[string]*ebpf.Map)
	for name, m := range shared.MapReplacements {
		if _, ok := spec.Maps[name]; ok {
			known[name] = m
		}
	}
	return &ebpf.CollectionOptions{MapReplacements: known}
}

func (p *Programs) attachTracepoints() error {
	programs := []*ebpf.Program{p.scheduler.ThreadSwitch, p.scheduler.ThreadWakeup}
	if !p.Refuses(Network) {
		programs = append(programs, p.network.ConnectionState, p.network.SegmentAgain)
	}
	for _, program := range programs {
		l, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err != nil {
			return fmt.Errorf("attaching %s: %w", program, err)
		}
		p.links = append(p.links, l)
	}
	raw := map[string]*ebpf.Program{
		"sys_enter": p.syscalls.SyscallEnter, "sys_exit": p.syscalls.SyscallExit, "signal_deliver": p.signals.SignalDelivered,
	}
	if !p.Refuses(Block) {
		raw[blockQueue], raw[blockComplete], raw[blockRequest] = p.requestQueued, p.block.RequestCompleted, p.block.RequestsCompleted
	}
	for name, program := range raw {
		l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: name, Program: program})
		if err != nil {
			return fmt.Errorf("attaching to the raw tracepoint %s: %w", name, err)
		}
		p.links = append(p.links, l)
	}
	return nil
}

// program is the BPF program of a probe.
func (p *Programs) program(probe plan.Probe) *ebpf.Program {
	switch probe {
	case plan.GoroutineStatus:
		return p.scheduler.GoroutineStatus
	case plan.GoroutinePreempted:
		return p.scheduler.GoroutinePreempted
	case plan.AllocationSampled:
		return p.spans.AllocationSampled
	case plan.GoroutineEnds:
		return p.spans.GoroutineEnds
	case plan.GoroutineCreated:
		return p.children.GoroutineCreated
	case plan.WorldStops:
		return p.world.WorldStops
	case plan.WorldStarts:
		return p.world.WorldStarts
	case plan.WorldRuns, plan.WorldRunsOther:
		return p.world.WorldRuns
	case plan.RequestStarts:
		return p.spans.RequestStarts
	case plan.RequestFinishes:
		return p.spans.RequestFinishes
	case plan.RequestHijacked:
		return p.spans.RequestHijacked
	case plan.HTTP2Starts:
		return p.http2.Http2Starts
	case plan.HTTP2Finishes:
		return p.http2.Http2Finishes
	case plan.HTTP2ModuleStarts:
		return p.http2.Http2ModuleStarts
	case plan.HTTP2ModuleFinishes:
		return p.http2.Http2ModuleFinishes
	case plan.SDKTracerStarts:
		return p.spans.SdkTracerStarts
	case plan.SDKSpanStarts:
		return p.spans.SdkSpanStarts
	case plan.SDKSpanEnds:
		return p.spans.SdkSpanEnds
	case plan.SDKSpanEnded:
		return p.sdkspans.SdkSpanEnded
	case plan.RPCHeaders:
		return p.rpc.RpcHeaders
	case plan.RPCStarts:
		return p.rpc.RpcStarts
	case plan.RPCFinishes, plan.RPCFinishesHTTP:
		return p.rpc.RpcFinishes
	case plan.ClientStarts:
		return p.clients.ClientStarts
	case plan.ClientFinishes:
		return p.clients.ClientFinishes
	case plan.RPCClientStarts:
		return p.rpcs.RpcClientStarts
	case plan.RPCClientBegun:
		return p.rpcs.RpcClientBegun
	case plan.RPCClientFinishes:
		return p.rpcs.RpcClientFinishes
	case plan.RPCStreamStarts:
		return p.rpcs.RpcStreamStarts
	case plan.RPCStreamBegun:
		return p.rpcs.RpcStreamBegun
	case plan.LookupStarts:
		return p.setup.LookupStarts
	case plan.LookupEnds:
		return p.setup.LookupEnds
	case plan.HandshakeStarts:
		return p.setup.HandshakeStarts
	case plan.HandshakeServerStarts:
		return p.setup.HandshakeServerStarts
	case plan.HandshakeEnds:
		return p.setup.HandshakeEnds
	case plan.SQLQueryStarts:
		return p.sql.SqlQueryStarts
	case plan.SQLExecStarts:
		return p.sql.SqlExecStarts
	case plan.SQLStatementStarts:
		return p.sql.SqlStatementStarts
	case plan.SQLStatementQueries, plan.SQLStatementExecs:
		return p.sql.SqlStatementConnected
	case plan.SQLQuerySucceeds:
		return p.sql.SqlQuerySucceeds
	case plan.SQLConnectionReleased, plan.SQLTransactionReleased, plan.SQLReservedReleased:
		return p.sql.SqlConnectionReleased
	default:
		return nil
	}
}

// Close detaches and frees everything. Attachments must be closed before.
func (p *Programs) Close() error {
	var errs []error
	for _, l := range p.links {
		errs = append(errs, l.Close())
	}
	p.links = nil
	errs = append(errs, p.stopTimers(), p.signals.Close(), p.block.Close(), p.sdkspans.Close(), p.looks.Close(), p.profile.Close(), p.network.Close(), p.setup.Close(), p.sql.Close(), p.rpcs.Close(), p.clients.Close(), p.rpc.Close(), p.http2.Close(), p.children.Close(), p.world.Close(), p.syscalls.Close(), p.scheduler.Close(), p.spans.Close())
	return errors.Join(errs...)
}
