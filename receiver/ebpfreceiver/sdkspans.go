// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"fmt"
	"slices"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/sdkspan"
)

// sdkBufferBytes is the size of the ring buffer where spans of SDKs are told: each
// takes one to two KiB in it, so that 10,000 fit.
const sdkBufferBytes = 16 << 20

// options of the programs.
func (r *ebpfReceiver) options() probe.Options {
	wanted := r.config.SDKSpans || slices.ContainsFunc(r.config.Targets, func(t TargetConfig) bool {
		return t.SDKSpans != nil && *t.SDKSpans
	})
	options := probe.Options{NoTracepoints: !r.sinks.probed() && !r.profiled()}
	if wanted && r.sinks.traces != nil {
		options.BufferBytes, options.SDKSpans = sdkBufferBytes, true
	}
	return options
}

// sdkTerms tell of which processes the spans of SDKs are told: where targets
// differ in that, by what selects them.
func (r *ebpfReceiver) sdkTerms() string {
	terms := fmt.Sprint(r.config.SDKSpans)
	differ := false
	for _, t := range r.config.Targets {
		wanted := r.config.SDKSpans
		if t.SDKSpans != nil {
			wanted, differ = *t.SDKSpans, true
		}
		t.SDKSpans, t.SampleRate, t.Protocols, t.ServiceName = nil, nil, nil, ""
		terms += fmt.Sprintf(" %+v %t", t, wanted)
	}
	if !differ {
		return fmt.Sprint(r.config.SDKSpans)
	}
	return terms
}

// sdkReport counts what is missing of spans of SDKs.
type sdkReport struct{ telemetry *metadata.TelemetryBuilder }

func (r sdkReport) Unreadable() {
	r.telemetry.RecordsDropped.Add(context.Background(), 1, by("reason", "malformed"))
}

func (r sdkReport) Cut(c sdkspan.Cut) {
	for part, n := range map[string]int{
		"attribute": c.Attributes, "event": c.Events, "link": c.Links, "text": c.Texts, "value": c.Values,
	} {
		r.cut(part, n)
	}
}

func (r sdkReport) Unscoped() { r.cut("scope", 1) }

func (r sdkReport) cut(part string, n int) {
	if n > 0 {
		r.telemetry.SDKSpansCut.Add(context.Background(), int64(n), by("part", part))
	}
}
