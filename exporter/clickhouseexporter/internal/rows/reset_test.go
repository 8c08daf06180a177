// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"runtime"
	"testing"
	"unsafe"
	"weak"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// batch hands out strings and watches whether they are still referred to.
type batch map[string]weak.Pointer[byte]

func (b batch) text(name string) string {
	bytes := append(make([]byte, 0, 64), name...) // too large to share its memory with others
	b[name] = weak.Make(&bytes[0])
	return unsafe.String(&bytes[0], len(bytes))
}

func (b batch) fill(attributes pcommon.Map, of string) {
	attributes.PutStr(b.text("key of "+of), b.text("value of "+of))
}

// alive is the strings that something refers to.
func (b batch) alive() []string {
	runtime.GC()
	var names []string
	for name, text := range b {
		if text.Value() != nil {
			names = append(names, name)
		}
	}
	return names
}

// TestEmptiedBlocksForgetTheirBatch resets blocks, which then wait for the next
// batch, for long perhaps: nothing of the last one stays in memory.
func TestEmptiedBlocksForgetTheirBatch(t *testing.T) {
	traces, logs, metrics := NewTraces(), NewLogs(), NewMetrics()
	profiles, inJSON := NewProfiles(), Layout{JSON: true}
	tracesJSON, logsJSON := inJSON.NewTraces(), inJSON.NewLogs()
	for name, use := range map[string]func(batch){
		"traces":         func(b batch) { traces.Append(b.traces()); traces.Reset() },
		"logs":           func(b batch) { logs.Append(b.logs()); logs.Reset() },
		"metrics":        func(b batch) { metrics.Append(b.metrics()); metrics.Reset() },
		"profiles":       func(b batch) { profiles.Append(b.profiles()); profiles.Reset() },
		"traces in JSON": func(b batch) { tracesJSON.Append(b.traces()); tracesJSON.Reset() },
		"logs in JSON":   func(b batch) { logsJSON.Append(b.logs()); logsJSON.Reset() },
	} {
		t.Run(name, func(t *testing.T) {
			b := batch{}
			use(b)
			assert.Greater(t, len(b), 4)
			assert.Empty(t, b.alive())
		})
	}
	runtime.KeepAlive(traces)
	runtime.KeepAlive(logs)
	runtime.KeepAlive(metrics)
	runtime.KeepAlive(profiles)
	runtime.KeepAlive(tracesJSON)
	runtime.KeepAlive(logsJSON)
}

func (b batch) traces() ptrace.Traces {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	b.fill(resource.Resource().Attributes(), "resource")
	span := resource.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName(b.text("span"))
	b.fill(span.Attributes(), "span")
	event := span.Events().AppendEmpty()
	event.SetName(b.text("event"))
	b.fill(event.Attributes(), "event")
	b.fill(span.Links().AppendEmpty().Attributes(), "link")
	return traces
}

func (b batch) logs() plog.Logs {
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	b.fill(resource.Resource().Attributes(), "resource")
	scope := resource.ScopeLogs().AppendEmpty()
	b.fill(scope.Scope().Attributes(), "scope")
	record := scope.LogRecords().AppendEmpty()
	record.SetSeverityText(b.text("severity"))
	record.Body().SetStr(b.text("body"))
	b.fill(record.Attributes(), "record")
	return logs
}

func (b batch) metrics() pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	resource := metrics.ResourceMetrics().AppendEmpty()
	b.fill(resource.Resource().Attributes(), "resource")
	scope := resource.ScopeMetrics().AppendEmpty()
	b.fill(scope.Scope().Attributes(), "scope")
	metric := scope.Metrics().AppendEmpty()
	metric.SetName(b.text("metric"))
	point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
	b.fill(point.Attributes(), "point")
	b.fill(point.Exemplars().AppendEmpty().FilteredAttributes(), "exemplar")
	return metrics
}

func (b batch) profiles() pprofile.Profiles {
	profiles := pprofile.NewProfiles()
	tables := profiles.Dictionary()
	tables.StringTable().Append("", b.text("string"), b.text("key"))
	tables.FunctionTable().AppendEmpty().SetNameStrindex(1)
	tables.LocationTable().AppendEmpty().Lines().AppendEmpty()
	tables.StackTable().AppendEmpty().LocationIndices().Append(0)
	attribute := tables.AttributeTable().AppendEmpty()
	attribute.SetKeyStrindex(2)
	attribute.Value().SetStr(b.text("value"))
	resource := profiles.ResourceProfiles().AppendEmpty()
	b.fill(resource.Resource().Attributes(), "resource")
	profile := resource.ScopeProfiles().AppendEmpty().Profiles().AppendEmpty()
	profile.SampleType().SetTypeStrindex(1)
	profile.AttributeIndices().Append(0)
	profile.Samples().AppendEmpty().AttributeIndices().Append(0)
	return profiles
}
