// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/sdkspan"
)

// Batch collects what records tell, by process. It is not safe for concurrent use.
type Batch struct {
	scopeName, scopeVersion string
	clock                   Clock
	traces                  ptrace.Traces
	logs                    plog.Logs
	processes               map[*discover.Process]*destination
	cycles                  *Cycles
	text                    []byte // of the last query, without literals
	tracers                 map[tracerOf]ptrace.SpanSlice
	sdks                    *SDKs
}

// tracerOf is one tracer of the SDK in a process.
type tracerOf struct {
	process *discover.Process
	tracer  *sdkspan.Tracer
}

// destination is where a batch puts a process's data, made when first needed.
type destination struct {
	spans ptrace.SpanSlice
	logs  plog.LogRecordSlice
	hasSpans,
	hasLogs bool
}

// NewBatch makes an empty batch. Cycles and SDKs outlive the batch: a collection
// may begin in one and end in another, and a tracer is told before its spans.
func NewBatch(scopeName, scopeVersion string, clock Clock, cycles *Cycles, sdks *SDKs) *Batch {
	return &Batch{
		scopeName:    scopeName,
		scopeVersion: scopeVersion,
		clock:        clock,
		traces:       ptrace.NewTraces(),
		logs:         plog.NewLogs(),
		processes:    make(map[*discover.Process]*destination),
		cycles:       cycles,
		tracers:      make(map[tracerOf]ptrace.SpanSlice),
		sdks:         sdks,
	}
}

// Add puts in what a record tells of the process that it is about.
func (b *Batch) Add(p *discover.Process, r record.Record) {
	switch r := r.(type) {
	case *record.Request:
		b.addRequest(b.spansOf(p).AppendEmpty(), r)
	case *record.RPC:
		b.addRPC(b.spansOf(p).AppendEmpty(), r)
	case *record.RPCClient:
		b.addRPCClient(b.spansOf(p).AppendEmpty(), r)
	case *record.Client:
		b.addClient(b.spansOf(p).AppendEmpty(), r)
	case *record.SQL:
		b.addSQL(b.spansOf(p).AppendEmpty(), r)
	case *record.Span:
		if source, ok := r.Source(); ok {
			b.addLedger(b.logsOf(p).AppendEmpty(), r, source)
		}
	case *record.SDKSpan:
		b.addSDKSpan(p, r)
	case *record.File:
		b.addFile(b.logsOf(p).AppendEmpty(), r)
	case *record.Connect:
		b.addConnect(b.logsOf(p).AppendEmpty(), r)
	case *record.Lookup:
		b.addLookup(b.logsOf(p).AppendEmpty(), r)
	case *record.Handshake:
		b.addHandshake(b.logsOf(p).AppendEmpty(), r)
	case *record.Retransmit:
		b.addRetransmit(b.logsOf(p).AppendEmpty(), r)
	case *record.RunQueue:
		b.addRunQueue(b.logsOf(p).AppendEmpty(), r)
	case *record.BlockWait:
		b.addBlockWait(b.logsOf(p).AppendEmpty(), r)
	case *record.Stop:
		b.addStop(b.logsOf(p).AppendEmpty(), r)
		if cycle, done := b.cycles.Add(p, r); done {
			b.addCycle(b.logsOf(p).AppendEmpty(), cycle)
		}
	}
}

// Traces are the spans that were added.
func (b *Batch) Traces() ptrace.Traces { return b.traces }

// Logs are the log records that were added.
func (b *Batch) Logs() plog.Logs { return b.logs }

func (b *Batch) destination(p *discover.Process) *destination {
	d, ok := b.processes[p]
	if !ok {
		d = &destination{}
		b.processes[p] = d
	}
	return d
}

func (b *Batch) spansOf(p *discover.Process) ptrace.SpanSlice {
	d := b.destination(p)
	if !d.hasSpans {
		resource := b.traces.ResourceSpans().AppendEmpty()
		PutResource(resource.Resource().Attributes(), p)
		scope := resource.ScopeSpans().AppendEmpty()
		scope.Scope().SetName(b.scopeName)
		scope.Scope().SetVersion(b.scopeVersion)
		d.spans, d.hasSpans = scope.Spans(), true
	}
	return d.spans
}

func (b *Batch) logsOf(p *discover.Process) plog.LogRecordSlice {
	d := b.destination(p)
	if !d.hasLogs {
		resource := b.logs.ResourceLogs().AppendEmpty()
		PutResource(resource.Resource().Attributes(), p)
		scope := resource.ScopeLogs().AppendEmpty()
		scope.Scope().SetName(b.scopeName)
		scope.Scope().SetVersion(b.scopeVersion)
		d.logs, d.hasLogs = scope.LogRecords(), true
	}
	return d.logs
}
