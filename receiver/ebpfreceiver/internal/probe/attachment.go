// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// Target is a process and what to observe of it.
type Target struct {
	PID int
	// Executable is a path that leads to the process's own executable even
	// where that was replaced on disk: /proc/<pid>/exe.
	Executable string
	// Bias is what is added to a linked address to get that in the process.
	Bias uint64
	// SampleRate is how many of 1000 requests are observed.
	SampleRate uint32
	// FileMinDuration is the shortest file operation that is told. Negative: none.
	FileMinDuration time.Duration
	Plan            *plan.Plan
}

// Attachment are the probes on one process.
type Attachment struct {
	programs *Programs
	pid      uint32
	links    []link.Link
}

// Attach puts the probes of the target's plan in place. On an error none stays.
func (p *Programs) Attach(t Target) (*Attachment, error) {
	a := &Attachment{programs: p, pid: uint32(t.PID)}
	if err := p.spans.Processes.Put(a.pid, describe(t)); err != nil {
		return nil, fmt.Errorf("describing process %d to the probes: %w", t.PID, err)
	}
	executable, err := link.OpenExecutable(t.Executable)
	if err != nil {
		_, closeErr := a.Close()
		return nil, errors.Join(fmt.Errorf("opening the executable of process %d: %w", t.PID, err), closeErr)
	}
	for _, probe := range order(t.Plan) {
		l, err := p.uprobe(executable, probe, t)
		if err != nil {
			_, closeErr := a.Close()
			return nil, errors.Join(fmt.Errorf("attaching %s to process %d: %w", probe, t.PID, err), closeErr)
		}
		a.links = append(a.links, l)
	}
	return a, nil
}

// uprobe attaches one probe to all threads of the process.
func (p *Programs) uprobe(executable *link.Executable, probe plan.Probe, t Target) (link.Link, error) {
	offset := t.Plan.Probes[probe]
	if !p.multi {
		return executable.Uprobe("", p.program(probe), &link.UprobeOptions{Address: offset, PID: t.PID})
	}
	return executable.UprobeMulti(nil, p.program(probe), &link.UprobeMultiOptions{Addresses: []uint64{offset}, PID: uint32(t.PID)})
}

// order attaches the ends of spans before their starts, and the scheduler
// before both, so that no span is seen without what its ledger needs.
func order(p *plan.Plan) []plan.Probe {
	rank := map[plan.Probe]int{
		plan.GoroutineStatus: 0, plan.GoroutinePreempted: 1, plan.WorldStarts: 2, plan.WorldStops: 3,
		plan.RequestFinishes: 4, plan.RequestHijacked: 5, plan.SDKSpanEnds: 6, plan.SDKSpanStarts: 7,
		plan.SDKTracerStarts: 8, plan.RequestStarts: 9,
	}
	return slices.SortedFunc(maps.Keys(p.Probes), func(a, b plan.Probe) int { return rank[a] - rank[b] })
}

// Close detaches the probes and forgets the process's goroutines and threads.
// It returns how many spans and requests were still open: they are not told.
func (a *Attachment) Close() (open int, err error) {
	var errs []error
	for _, l := range slices.Backward(a.links) {
		errs = append(errs, l.Close())
	}
	a.links = nil
	maps := &a.programs.spans.spansMaps
	errs = append(errs, ignoreMissing(maps.Processes.Delete(a.pid)), ignoreMissing(maps.StopClocks.Delete(a.pid)))
	open, err = a.forget()
	return open, errors.Join(append(errs, err)...)
}

// forget removes what the process left in the maps of goroutines and threads.
func (a *Attachment) forget() (open int, err error) {
	stale := map[goroutineKey]int{} // the open spans of each
	err = visit(a.programs.spans.Goroutines, func(key goroutineKey, value *spansGoroutine) {
		if key.TGID == a.pid {
			stale[key] = openSpans(value)
		}
	})
	errs := []error{err}
	for key, spans := range stale {
		open += spans
		errs = append(errs, ignoreMissing(a.programs.spans.Goroutines.Delete(key)))
	}
	staleThreads := map[uint32]struct{}{}
	errs = append(errs, visit(a.programs.spans.Threads, func(tid uint32, key *goroutineKey) {
		if key.TGID == a.pid {
			staleThreads[tid] = struct{}{}
		}
	}))
	for tid := range staleThreads {
		errs = append(errs, ignoreMissing(a.programs.spans.Threads.Delete(tid)))
	}
	if err := errors.Join(errs...); err != nil {
		return open, fmt.Errorf("forgetting the goroutines of process %d: %w", a.pid, err)
	}
	return open, nil
}

// openSpans are those of a goroutine that would have been told: not the request
// around an SDK's spans.
func openSpans(s *spansGoroutine) int {
	const request = 1 // SPAN_REQUEST
	if s.Depth > 0 && s.Spans[0].Kind == request && s.Spans[0].SdkInside != 0 {
		return int(s.Depth) - 1
	}
	return int(s.Depth)
}

// goroutineKey is struct goroutine_key of bpf/headers/goroutine.h.
type goroutineKey struct {
	G    uint64
	TGID uint32
	_    uint32
}

func ignoreMissing(err error) error {
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil
	}
	return err
}

// describe is what the BPF programs know of a process.
func describe(t Target) spansProcess {
	o := t.Plan.Offsets
	d := spansProcess{
		SampleRate:        t.SampleRate,
		FileMinDuration:   math.MaxUint64,
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
		WaitCauses:        t.Plan.WaitCauses,
	}
	if t.FileMinDuration >= 0 {
		d.FileMinDuration = uint64(t.FileMinDuration)
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
	d.Flags = flags(t.Plan)
	return d
}

// flags are enum process_flags of bpf/headers/process.h.
func flags(p *plan.Plan) uint32 {
	const ledger, traceparent, stopArguments = 1, 2, 4
	var set uint32
	if p.Has(plan.GoroutineStatus) {
		set |= ledger
	}
	if p.SwissHeaders {
		set |= traceparent
	}
	if p.StopArguments {
		set |= stopArguments
	}
	return set
}
