// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	logtest "go.uber.org/zap/zaptest/observer"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
)

const (
	patience = time.Minute
	tick     = 20 * time.Millisecond
)

// harness is a receiver on the real kernel with sinks for all signals.
type harness struct {
	t         *testing.T
	receiver  *ebpfReceiver
	telemetry *componenttest.Telemetry
	traces    consumertest.TracesSink
	logs      consumertest.LogsSink
	metrics   consumertest.MetricsSink
	profiles  consumertest.ProfilesSink
	said      *logtest.ObservedLogs
	stopped   bool
}

// warnings are what the receiver has warned of, but for features that are left out.
func (h *harness) warnings() []string {
	var all []string
	for _, line := range h.said.All() {
		if line.Level >= zap.WarnLevel && !strings.HasPrefix(line.Message, "A feature is left out") {
			all = append(all, fmt.Sprint(line.Message, line.ContextMap()))
		}
	}
	return all
}

// observe starts a receiver that watches the targets and stands in pipelines of
// all signals.
func observe(t *testing.T, change func(*Config), targets ...TargetConfig) *harness {
	t.Helper()
	return observeFor(t, func(h *harness, s *sinks) {
		s.traces, s.logs, s.metrics = &h.traces, &h.logs, &h.metrics
	}, change, targets...)
}

// observeFor starts one that stands in those pipelines that pick sets.
func observeFor(t *testing.T, pick func(*harness, *sinks), change func(*Config), targets ...TargetConfig) *harness {
	t.Helper()
	return observeAfter(t, nil, pick, change, targets...)
}

// observeAfter starts one that goes on with what heirs have, and leaves them what
// it has itself.
func observeAfter(t *testing.T, heirs *heirs, pick func(*harness, *sinks), change func(*Config), targets ...TargetConfig) *harness {
	t.Helper()
	config := createDefaultConfig()
	config.Targets = targets
	config.Discovery.Interval = minInterval
	config.Runtime.Interval = 200 * time.Millisecond
	config.Ledger.Mode = ModeExact // what is asserted must not depend on how busy the machine is
	if change != nil {
		change(config)
	}
	require.NoError(t, config.Validate())

	h := &harness{t: t, telemetry: componenttest.NewTelemetry()}
	settings := receivertest.NewNopSettings(metadata.Type)
	settings.ID = component.NewID(metadata.Type)
	settings.TelemetrySettings = h.telemetry.NewTelemetrySettings()
	core, said := logtest.New(zap.InfoLevel)
	settings.Logger, h.said = zap.New(core), said
	r, err := newReceiver(settings, config, heirs)
	require.NoError(t, err)
	pick(h, &r.sinks)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()),
		"these tests need root on a kernel that loads BPF")
	h.receiver = r
	t.Cleanup(func() {
		h.stop()
		require.NoError(t, h.telemetry.Shutdown(context.Background()))
	})
	return h
}

func (h *harness) stop() {
	if !h.stopped {
		h.stopped = true
		require.NoError(h.t, h.receiver.Shutdown(context.Background()))
	}
}

// awaitAttached waits until n processes are observed.
func (h *harness) awaitAttached(n int) {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return h.counter("processes_attached", "", "") == int64(n) }, patience, tick)
}

// counter reads one of the receiver's own metrics, for one attribute's value or in all.
func (h *harness) counter(name, key, value string) int64 {
	h.t.Helper()
	m, err := h.telemetry.GetMetric(metadata.Prefix + name)
	if err != nil {
		return 0
	}
	sum, ok := m.Data.(metricdata.Sum[int64])
	require.True(h.t, ok, "%s is a sum", name)
	var total int64
	for _, point := range sum.DataPoints {
		if got, _ := point.Attributes.Value(attributeKey(key)); key == "" || got.AsString() == value {
			total += point.Value
		}
	}
	return total
}

// seenSpan and seenLog are what arrived, with the resource of the process.
type seenSpan struct {
	ptrace.Span
	resource pcommon.Map
}

type seenLog struct {
	plog.LogRecord
	resource pcommon.Map
}

func (h *harness) spans() []seenSpan {
	var seen []seenSpan
	for _, traces := range h.traces.AllTraces() {
		for _, resource := range traces.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					seen = append(seen, seenSpan{span, resource.Resource().Attributes()})
				}
			}
		}
	}
	return seen
}

func (h *harness) events(name string) []seenLog {
	var seen []seenLog
	for _, logs := range h.logs.AllLogs() {
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, log := range scope.LogRecords().All() {
					if log.EventName() == name {
						seen = append(seen, seenLog{log, resource.Resource().Attributes()})
					}
				}
			}
		}
	}
	return seen
}

// awaitSpan waits for the span of a request path.
func (h *harness) awaitSpan(path string) seenSpan {
	h.t.Helper()
	var found seenSpan
	require.Eventually(h.t, func() bool {
		for _, span := range h.spans() {
			if value, ok := span.Attributes().Get("url.path"); ok && value.Str() == path {
				found = span
				return true
			}
		}
		return false
	}, patience, tick, "no span for %s", path)
	return found
}
