// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/engine"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC).UnixNano()

func newEngine(t *testing.T, objectives ...objective.Objective) *engine.Engine {
	t.Helper()
	resolved, err := objective.Resolve(objectives)
	require.NoError(t, err)
	e, err := engine.New(resolved, noon, rand.New(rand.NewPCG(1, 1)))
	require.NoError(t, err)
	return e
}

func grouped() objective.Objective {
	return objective.Objective{
		Name: "checkout", Service: "shop", Target: 99.9, GroupBy: []string{"http.route"}, MaxGroups: 1,
		Indicator: objective.Indicator{Spans: &objective.Spans{Bad: "true"}},
		Labels:    map[string]string{"team": "shop"},
		Policy:    []objective.Tier{{Severity: "page", Long: objective.Duration(time.Hour), Budget: 2}},
	}
}

func TestMetrics(t *testing.T) {
	e := newEngine(t, grouped())
	e.Count(0, []string{"/checkout"}, &engine.Event{Time: noon, Weight: 999*window.One + window.One/2})
	e.Count(0, []string{"/checkout"}, &engine.Event{Time: noon, Weight: window.One / 2, Bad: true})
	e.Count(0, []string{"/other"}, &engine.Event{Time: noon, Weight: window.One})
	metrics := pmetric.NewMetrics()
	Metrics(metrics, e.Figures, noon)

	type series struct {
		metric string
		window string
		other  bool
	}
	got := map[series]float64{}
	all := metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	for i := range all.Len() {
		m := all.At(i)
		points := pmetric.NewNumberDataPointSlice()
		if m.Type() == pmetric.MetricTypeSum {
			assert.True(t, m.Sum().IsMonotonic())
			assert.Equal(t, pmetric.AggregationTemporalityCumulative, m.Sum().AggregationTemporality())
			m.Sum().DataPoints().CopyTo(points)
		} else {
			m.Gauge().DataPoints().CopyTo(points)
		}
		for j := range points.Len() {
			p := points.At(j)
			attributes := p.Attributes().AsRaw()
			assert.Equal(t, "checkout", attributes[AttributeName])
			assert.Equal(t, "shop", attributes[AttributeService])
			assert.Equal(t, pcommon.Timestamp(noon), p.Timestamp())
			other := attributes[AttributeOverflow] == true
			if !other {
				assert.Equal(t, "/checkout", attributes["http.route"])
			}
			length, _ := attributes[AttributeWindow].(string)
			got[series{m.Name(), length, other}] = p.DoubleValue()
		}
	}
	want := map[series]float64{
		{MetricEventsTotal, "", false}: 1000, {MetricEventsGood, "", false}: 999.5, {MetricTarget, "", false}: 0.999,
		{MetricBudgetRemaining, "", false}: 0.5, {MetricBudgetDuration, "", false}: (30 * 24 * time.Hour).Seconds(),
		{MetricBurnRate, "1h", false}: 0.5, {MetricBurnRate, "5m", false}: 0.5,
		{MetricEventsTotal, "", true}: 1, {MetricEventsGood, "", true}: 1, {MetricTarget, "", true}: 0.999,
		{MetricBudgetRemaining, "", true}: 1, {MetricBurnRate, "1h", true}: 0, {MetricBurnRate, "5m", true}: 0,
	}
	assert.Len(t, got, len(want))
	for key, value := range want {
		if assert.Contains(t, got, key) {
			assert.InDelta(t, value, got[key], 1e-6, "%v", key)
		}
	}
}

// TestNothingHasNoMetrics: what is not defined has no point, and no metric is empty.
func TestNothingHasNoMetrics(t *testing.T) {
	metrics := pmetric.NewMetrics()
	Metrics(metrics, newEngine(t, grouped()).Figures, noon)
	assert.Zero(t, metrics.ResourceMetrics().Len(), "there is no group yet")
	ungrouped := grouped()
	ungrouped.GroupBy = nil
	Metrics(metrics, newEngine(t, ungrouped).Figures, noon)
	all := metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	var names []string
	for i := range all.Len() {
		names = append(names, all.At(i).Name())
	}
	assert.Equal(t, []string{MetricEventsTotal, MetricEventsGood, MetricTarget}, names)
}

func TestLogs(t *testing.T) {
	e := newEngine(t, grouped())
	good, bad := &ledger.Ledger{ledger.OnCPU: 96e6, ledger.BlockedMutex: 4e6}, &ledger.Ledger{ledger.OnCPU: 100e6, ledger.BlockedMutex: 200e6}
	send := func(bad bool, l *ledger.Ledger, trace byte) {
		e.Count(0, []string{"/checkout"}, &engine.Event{Time: noon, Duration: int64(l.Total()), Weight: window.One, Bad: bad, Ledger: l, Trace: [16]byte{trace}, Span: [8]byte{1}})
	}
	for range 30 {
		send(false, good, 1)
	}
	send(true, bad, 2)
	logs := plog.NewLogs()
	Logs(logs, e.Evaluate(noon), noon)
	require.Equal(t, 1, logs.LogRecordCount())
	r := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	assert.Equal(t, EventAlert, r.EventName())
	assert.Equal(t, plog.SeverityNumberError, r.SeverityNumber())
	assert.Equal(t, "ERROR", r.SeverityText())
	assert.Equal(t, pcommon.TraceID{2}, r.TraceID())
	assert.Equal(t, pcommon.SpanID{1}, r.SpanID())
	assert.Equal(t, "checkout (/checkout): the budget burns 32.3 times as fast as sustainable, 32.3 in the short window, and the tier 1h allows 14.4; the budget is spent 32.3 times; 98 % of the excess over good spans is blocked.mutex", r.Body().Str())
	attributes := r.Attributes().AsRaw()
	for _, key := range []string{AttributeLong, AttributeShort} {
		assert.InDelta(t, 1000.0/31, attributes[key], 1e-9)
		delete(attributes, key)
	}
	assert.InDelta(t, 1-1000.0/31, attributes[AttributeRemaining], 1e-9)
	delete(attributes, AttributeRemaining)
	assert.Equal(t, map[string]any{
		AttributeName: "checkout", AttributeService: "shop", "http.route": "/checkout", "team": "shop",
		AttributeTier: "1h", AttributeSeverity: "page", AttributeStatus: "firing", AttributeStart: noon, AttributeFactor: 14.4,
		AttributeCause: "98 % of the excess over good spans is blocked.mutex", AttributeTraces: []any{"02000000000000000000000000000000"},
	}, attributes)

	for range 1000 {
		send(false, good, 1)
	}
	logs = plog.NewLogs()
	Logs(logs, e.Evaluate(noon), noon)
	r = logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	assert.Equal(t, plog.SeverityNumberInfo, r.SeverityNumber())
	assert.Equal(t, "checkout (/checkout): the budget no longer burns faster than the tier 1h allows; 3.0 % of the budget is left", r.Body().Str())
	logs = plog.NewLogs()
	Logs(logs, nil, noon)
	assert.Zero(t, logs.ResourceLogs().Len())
}

func TestTheBudgetIsSpentInWords(t *testing.T) {
	o := grouped()
	o.BudgetSpent = &objective.BudgetSpent{Message: "no releases", Labels: map[string]string{"freeze": "yes"}}
	o.Policy[0].Budget, o.Policy[0].Factor = 0, 999.5
	e := newEngine(t, o)
	for i := range 100 {
		e.Count(0, []string{"/a"}, &engine.Event{Time: noon, Weight: window.One, Bad: i == 0})
	}
	logs := plog.NewLogs()
	Logs(logs, e.Evaluate(noon), noon)
	require.Equal(t, 1, logs.LogRecordCount())
	r := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	assert.Equal(t, plog.SeverityNumberWarn, r.SeverityNumber())
	assert.Equal(t, "checkout (/a): no budget is left; the budget is spent 10 times: no releases; no bad span has a time ledger (fathom.time.*)", r.Body().Str())
	value, _ := r.Attributes().Get("freeze")
	assert.Equal(t, "yes", value.Str())
}
