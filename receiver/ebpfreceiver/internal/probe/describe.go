// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"slices"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// describe is what the BPF programs know of a process.
func describe(t Target, slot uint32) spansProcess {
	o := t.Plan.Offsets
	d := spansProcess{
		Slot:              slot,
		G_goid:            o.GoroutineID,
		G_waitreason:      o.WaitReason,
		G_schedBp:         o.SchedBP,
		RequestMethod:     o.RequestMethod,
		RequestUrl:        o.RequestURL,
		RequestHeader:     o.RequestHeader,
		RequestProtoMajor: o.RequestProtoMajor,
		RequestPattern:    o.RequestPattern,
		UrlPath:           o.URLPath,
		ResponseStatus:    o.ResponseStatus,
		ResponseRequest:   o.ResponseRequest,
		SpanContext:       o.SpanContext,
		SpanParent:        o.SpanParent,
		SpanEndTime:       o.SpanEndTime,
		ContextTraceId:    o.ContextTraceID,
		ContextSpanId:     o.ContextSpanID,
		ContextFlags:      o.ContextFlags,
		TlsG:              t.Plan.TLSG,
		G_m:               o.GoroutineM,
		M_curg:            o.CurrentG,
		G_startpc:         o.StartPC,
		G_status:          o.Status,
		WaitCauses:        t.Plan.WaitCauses,
	}
	if t.Plan.GCCycles != 0 {
		d.GcCycles = t.Plan.GCCycles + t.Bias
	}
	if t.Plan.GCPhase != 0 {
		d.GcPhase = t.Plan.GCPhase + t.Bias
	}
	for i := range min(len(t.Plan.Network), len(d.Network)) {
		d.Network[i].Begin = t.Plan.Network[i].Begin + t.Bias
		d.Network[i].End = t.Plan.Network[i].End + t.Bias
	}
	for i := range min(len(t.Plan.Collector), len(d.Collector)) {
		d.Collector[i].Begin = t.Plan.Collector[i].Begin + t.Bias
		d.Collector[i].End = t.Plan.Collector[i].End + t.Bias
	}
	for i := range min(len(t.Plan.SystemStarts), len(d.SystemStarts)) {
		d.SystemStarts[i] = t.Plan.SystemStarts[i] + t.Bias
	}
	describeRequests(&d, t.Plan)
	describeQueries(&d, t)
	describeChannels(&d, t)
	d.Tls.In, d.Tls.Error, d.Tls.Version, d.Tls.ServerName = o.TLS.In, o.TLS.Error, o.TLS.Version, o.TLS.ServerName
	if t.Plan.Constants.End != 0 {
		d.Constants = t.Plan.Constants.Begin + t.Bias
		d.ConstantsEnd = t.Plan.Constants.End + t.Bias
	}
	if t.Plan.EOF != 0 {
		d.Rpc.Eof = t.Plan.EOF + t.Bias
	}
	if t.Plan.UnaryDesc != 0 {
		d.Rpc.UnaryDesc = t.Plan.UnaryDesc + t.Bias
	}
	if t.Plan.RPCErrors != 0 {
		d.Rpc.ErrorItab = t.Plan.RPCErrors + t.Bias
	}
	d.Flags = flags(t.Plan)
	if t.Looks && t.Plan.Sampled {
		d.Flags |= flagLooks
	}
	t.describeSettings(&d)
	return d
}

// Of enum process_flags of bpf/headers/process.h, those that Reconfigure changes.
const (
	flagTraffic = 8
	flagHTTP    = 4096
	flagGRPC    = 8192
	flagSQL     = 16384
	flagDisks   = 131072
	flagSignals = 262144
)

// describeSettings writes what can change while the probes stay.
func (t Target) describeSettings(d *spansProcess) {
	d.SampleRate = t.SampleRate
	d.FileMinDuration = atLeast(t.Events.FileMinDuration)
	d.NetworkMinDuration = atLeast(t.Events.NetworkMinDuration)
	d.LookupMinDuration = atLeast(t.Events.LookupMinDuration)
	d.HandshakeMinDuration = atLeast(t.Events.HandshakeMinDuration)
	d.RunQueueMinDuration = atLeast(t.Events.RunQueueMinDuration)
	d.BlockMinDuration = atLeast(t.Events.BlockMinDuration)
	d.MemoryProfileRate = 0
	if t.Plan.MemProfileRate != 0 && t.Events.Allocations {
		d.MemoryProfileRate = t.Plan.MemProfileRate + t.Bias
	}
	d.Flags &^= flagTraffic | flagHTTP | flagGRPC | flagSQL | flagDisks | flagSignals
	if t.Events.Disks {
		d.Flags |= flagDisks
	}
	if t.Events.Signals {
		d.Flags |= flagSignals
	}
	if t.Events.Traffic {
		d.Flags |= flagTraffic
	}
	if slices.Contains(t.protocols(), plan.HTTP) {
		d.Flags |= flagHTTP
	}
	if slices.Contains(t.protocols(), plan.GRPC) {
		d.Flags |= flagGRPC
	}
	if slices.Contains(t.protocols(), plan.Queries) {
		d.Flags |= flagSQL
	}
}

// flagLedger is PROCESS_LEDGER of bpf/headers/process.h.
const flagLedger = 1

// flagLooks is PROCESS_LOOKS.
const flagLooks = 64

// flags are those of enum process_flags that follow from the plan.
func flags(p *plan.Plan) uint32 {
	const traceparent, stopArguments, http2, worldRuns, sdkSpans = 2, 4, 16, 32, 1024
	var set uint32
	if p.SwissHeaders {
		set |= traceparent
	}
	if p.StopArguments {
		set |= stopArguments
	}
	if p.HTTP2 {
		set |= http2
	}
	if p.Has(plan.WorldRuns) && p.Has(plan.WorldRunsOther) {
		set |= worldRuns
	}
	if p.Has(plan.SDKSpanEnded) {
		set |= sdkSpans
	}
	return set
}
