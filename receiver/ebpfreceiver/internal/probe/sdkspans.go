// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// Of bpf/headers/image.h.
const (
	scratchesPerCPU = 8
	scratchCPUs     = 16
)

// SDKSpans are spans of an SDK, whole.
const SDKSpans KernelFeature = "sdk_spans"

// HasSDKSpans reports whether spans of SDKs can be told whole: it was asked for,
// and the kernel can.
func (p *Programs) HasSDKSpans() bool { return p.sdkspans.SdkSpanEnded != nil }

// lacksSDKSpans is an error where the kernel cannot run the programs that copy
// spans: they loop, since Linux 5.17, and sleep, since Linux 6.0.
func lacksSDKSpans() error {
	if err := features.HaveProgramHelper(ebpf.Kprobe, asm.FnLoop); err != nil {
		return fmt.Errorf("the kernel has no bpf_loop: %w", err)
	}
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Kprobe, Flags: unix.BPF_F_SLEEPABLE, License: "Dual MIT/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return fmt.Errorf("the kernel's uprobes cannot sleep: %w", err)
	}
	return program.Close()
}

// loadSDKSpans loads the programs that copy spans of an SDK, or refuses them where
// the kernel cannot run them. Their scratch memory is there for as many spans at
// once as the machine's CPUs can be busy with.
func (p *Programs) loadSDKSpans(shared *ebpf.CollectionOptions) error {
	if err := lacksSDKSpans(); err != nil {
		p.refused = append(p.refused, Refusal{SDKSpans, err})
		return nil
	}
	spec, err := loadSdkspans()
	if err != nil {
		return fmt.Errorf("reading the SDK span programs: %w", err)
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("counting CPUs: %w", err)
	}
	spec.Maps[sdkspansMapScratches].MaxEntries = uint32(scratchesPerCPU * min(cpus, scratchCPUs))
	spec.Maps[sdkspansMapRecords].MaxEntries = p.spans.Records.MaxEntries()
	if err := p.has.fit(spec); err != nil {
		return err
	}
	if err := spec.LoadAndAssign(&p.sdkspans, replacementsOf(spec, shared)); err != nil {
		return fmt.Errorf("loading the SDK span programs: %w", err)
	}
	return nil
}

// describeSDK tells the programs where the SDK of the process keeps its spans,
// where they are told.
func (a *Attachment) describeSDK() error {
	if !a.target.Plan.Has(plan.SDKSpanEnded) {
		return nil
	}
	l := a.target.Plan.SDK
	layout := sdkspansSdkLayout{
		SpanSize: l.SpanSize, Name: l.Name, StatusText: l.StatusText, TraceState: l.Context.State, Attributes: l.Attributes,
		Events: l.Events, Links: l.Links, Tracer: l.Tracer, EndTime: l.EndTime,
		EventSize: l.Event.Size, EventName: l.Event.Name, EventAttributes: l.Event.Attributes,
		LinkSize: l.Link.Size, LinkState: l.Link.Context.State, LinkAttributes: l.Link.Attributes,
		TracerSize: l.Scope.Size, TracerProvider: l.Scope.Provider,
		ScopeName: l.Scope.Name, ScopeVersion: l.Scope.Version, ScopeSchema: l.Scope.SchemaURL, ScopeAttributes: l.Scope.Attributes,
		ProviderResource: l.ProviderResource,
		ResourceSize:     l.Resource.Size, ResourceSet: l.Resource.Set, ResourceSchema: l.Resource.SchemaURL,
	}
	if l.Boxed {
		layout.Boxed = 1
	}
	if err := a.programs.sdkspans.SdkLayouts.Put(a.pid, layout); err != nil {
		return fmt.Errorf("describing the SDK of process %d to the probes: %w", a.pid, err)
	}
	return nil
}

// tracerKey is struct tracer_key of bpf/sdkspans/sdkspans.bpf.c.
type tracerKey struct {
	Tracer uint64
	TGID   uint32
	_      uint32
}

// forgetSDK removes what is known of the process's SDK and of what was told of it.
func (a *Attachment) forgetSDK() error {
	if !a.programs.HasSDKSpans() {
		return nil
	}
	_, err := forgetOwn(a.programs.sdkspans.ToldTracers, func(key tracerKey, _ *uint64) bool { return key.TGID == a.pid })
	if err := errors.Join(err, ignoreMissing(a.programs.sdkspans.SdkLayouts.Delete(a.pid))); err != nil {
		return fmt.Errorf("forgetting the SDK of process %d: %w", a.pid, err)
	}
	return nil
}
