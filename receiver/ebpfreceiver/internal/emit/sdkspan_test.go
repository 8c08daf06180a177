// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/sdkspan"
)

// sdkCounts is what a report was told.
type sdkCounts struct{ unreadable, cut, unscoped int }

func (c *sdkCounts) Unreadable()     { c.unreadable++ }
func (c *sdkCounts) Cut(sdkspan.Cut) { c.cut++ }
func (c *sdkCounts) Unscoped()       { c.unscoped++ }

// sdkLayout is one of a span without contents, and of a tracer with the name of its
// scope and a resource.
func sdkLayout(int) *plan.SDKLayout {
	return &plan.SDKLayout{
		SpanSize: 400, Events: 112, Links: 144, Attributes: 16, Context: plan.ContextLayout{State: 232}, Name: 0, StatusText: 96,
		Scope:    plan.ScopeLayout{Size: 64, Provider: 0, Name: 8, Version: 24, SchemaURL: 40, Attributes: plan.Unknown},
		Resource: plan.ResourceLayout{Size: 32, Set: 0, SchemaURL: 16},
	}
}

// sdkImage is an image as bpf/headers/image.h has it, of chunks that were copied
// whole.
type sdkImage []byte

func (i *sdkImage) chunk(kind uint32, content []byte) uint64 {
	size := uint32(len(content))
	*i = binary.LittleEndian.AppendUint32(*i, size)
	*i = binary.LittleEndian.AppendUint32(*i, size)
	*i = append(binary.LittleEndian.AppendUint32(*i, kind), 0, 0, 0, 0)
	at := uint64(len(*i))
	*i = append(append(*i, content...), make([]byte, -len(content)&7)...)
	return at
}

func (i sdkImage) set(at, word uint64) { binary.LittleEndian.PutUint64(i[at:], word) }

func (i *sdkImage) text(at uint64, text string) {
	chunk := i.chunk(1, []byte(text))
	i.set(at, chunk)
	i.set(at+8, uint64(len(text)))
}

// spanOf is the image of a span and, if scope is not empty, of its tracer, whose
// provider's resource has the name of a service.
func spanOf(scope, service string) []byte {
	image := make(sdkImage, 16)
	image.set(0, image.chunk(9, make([]byte, 400)))
	if scope == "" {
		return image
	}
	tracer := image.chunk(10, make([]byte, 64))
	image.set(8, tracer)
	image.text(tracer+8, scope)
	resource := image.chunk(11, make([]byte, 32))
	image.set(tracer, resource)
	values := image.chunk(3, make([]byte, 64))
	image.set(resource, 1)
	image.set(resource+8, values)
	image.text(values, "service.name")
	image.set(values+16, 4) // a string
	image.text(values+32, service)
	return image
}

// newProcess is one as it is found: each time another, though it may be the same.
func newProcess(ticks uint64, target string) *discover.Process {
	return &discover.Process{PID: 42, StartTicks: ticks, StartTime: boot(), ServiceName: "found", Target: discover.Target{ServiceName: target}}
}

func TestSpansOfSDKsHaveAllOfTheirRecord(t *testing.T) {
	counts := new(sdkCounts)
	batch := NewBatch("scope", "1", NewClock(boot(), 0), NewCycles(), NewSDKs(sdkLayout, counts, nil))
	span := record.Span{
		Header: identified(10, 30), Goroutines: 3, HandOvers: 4, AllocatedBytes: 1 << 20, AllocationSamples: 2,
		Critical: record.Critical{GoroutineID: 9, Wait: time.Second, Ledger: ledger.Ledger{ledger.Sleep: 40, ledger.OnCPU: 2}},
	}
	batch.Add(newProcess(1, ""), &record.SDKSpan{Span: span, Tracer: 1, Image: spanOf("shop", "inventory")})
	require.Equal(t, map[string]any{
		events.GoroutineID: int64(7), events.Goroutines: int64(3), events.HandOvers: int64(4), events.AllocatedBytes: int64(1 << 20), events.AllocationSamples: int64(2),
		events.CriticalGoroutineID: int64(9), events.CriticalWait: int64(time.Second), events.CriticalAge: int64(42),
		events.CriticalDominant: ledger.Sleep.String(), events.CriticalDominantTime: int64(40),
		ledger.CriticalPrefix + "sleep": int64(40), ledger.CriticalPrefix + "on_cpu": int64(2),
	}, batch.Traces().ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().AsRaw())
	require.Zero(t, *counts)
}

func TestNamesOfServicesWithSDKs(t *testing.T) {
	for name, test := range map[string]struct{ target, sdk, want string }{
		"the SDK's":                {"", "inventory", "inventory"},
		"the SDK's says nothing":   {"", "unknown_service:inventory", "found"},
		"the target's comes first": {"shop", "inventory", "found"}, // ServiceName is the target's then
	} {
		batch := NewBatch("scope", "1", NewClock(boot(), 0), NewCycles(), NewSDKs(sdkLayout, new(sdkCounts), nil))
		batch.Add(newProcess(1, test.target), &record.SDKSpan{Tracer: 1, Image: spanOf("shop", test.sdk)})
		got, _ := batch.Traces().ResourceSpans().At(0).Resource().Attributes().Get(events.ServiceName)
		require.Equal(t, test.want, got.Str(), name)
	}
}

// Under one ID of a process one program follows another, by exec, and the end of the
// first is told after the second has begun. A reload finds the same program anew.
func TestTracersAreThoseOfTheProgram(t *testing.T) {
	counts := new(sdkCounts)
	sdks := NewSDKs(sdkLayout, counts, nil)
	scopeOf := func(p *discover.Process, image []byte) string {
		batch := NewBatch("scope", "1", NewClock(boot(), 0), NewCycles(), sdks)
		batch.Add(p, &record.SDKSpan{Tracer: 1, Image: image})
		return batch.Traces().ResourceSpans().At(0).ScopeSpans().At(0).Scope().Name()
	}
	first, second := newProcess(1, ""), newProcess(2, "")
	require.Equal(t, "first", scopeOf(first, spanOf("first", "")))
	require.Equal(t, "first", scopeOf(first, spanOf("", "")))
	require.Empty(t, scopeOf(second, spanOf("", "")), "what the program before had at the same address")
	require.Equal(t, 1, counts.unscoped)
	require.Equal(t, "second", scopeOf(second, spanOf("second", "")))
	sdks.Forget(first)
	require.Equal(t, "second", scopeOf(second, spanOf("", "")), "the end of the program before, told late")
	again := newProcess(2, "")
	require.Equal(t, "second", scopeOf(again, spanOf("", "")), "the same program, found anew")
	sdks.Forget(second)
	require.Equal(t, "second", scopeOf(again, spanOf("", "")))
	sdks.Forget(again)
	require.Empty(t, scopeOf(again, spanOf("", "")), "it has ended")
}
