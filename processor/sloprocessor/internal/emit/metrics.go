// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/engine"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
)

// Metrics writes the figures of all budgets, as of now, as one resource more. What is
// not defined has no data point.
func Metrics(to pmetric.Metrics, figures func(func(engine.Figures) bool), now int64) {
	scope := to.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	scope.Scope().SetName(Scope)
	w := metricWriter{
		now:        pcommon.Timestamp(now),
		total:      counter(scope, MetricEventsTotal, "Events that counted since the budget began."),
		good:       counter(scope, MetricEventsGood, "Events that counted and were good."),
		target:     gauge(scope, MetricTarget, "1", "Share of events that must be good."),
		remaining:  gauge(scope, MetricBudgetRemaining, "1", "Share of the error budget that is left; below 0, more than all of it is spent."),
		exhaustion: gauge(scope, MetricBudgetDuration, "s", "When the budget is spent, at the burn rate of the first tier's long window; without a point, never."),
		rate:       gauge(scope, MetricBurnRate, "1", "How much faster than sustainable the budget burns."),
	}
	for f := range figures {
		w.write(&f)
	}
	scope.Metrics().RemoveIf(func(m pmetric.Metric) bool {
		if m.Type() == pmetric.MetricTypeSum {
			return m.Sum().DataPoints().Len() == 0
		}
		return m.Gauge().DataPoints().Len() == 0
	})
	if scope.Metrics().Len() == 0 {
		to.ResourceMetrics().RemoveIf(func(r pmetric.ResourceMetrics) bool {
			return r.ScopeMetrics().Len() == 1 && r.ScopeMetrics().At(0) == scope
		})
	}
}

func counter(scope pmetric.ScopeMetrics, name, description string) pmetric.NumberDataPointSlice {
	m := scope.Metrics().AppendEmpty()
	m.SetName(name)
	m.SetUnit("{event}")
	m.SetDescription(description)
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return sum.DataPoints()
}

func gauge(scope pmetric.ScopeMetrics, name, unit, description string) pmetric.NumberDataPointSlice {
	m := scope.Metrics().AppendEmpty()
	m.SetName(name)
	m.SetUnit(unit)
	m.SetDescription(description)
	return m.SetEmptyGauge().DataPoints()
}

type metricWriter struct {
	now                                              pcommon.Timestamp
	total, good, target, remaining, exhaustion, rate pmetric.NumberDataPointSlice
}

func (w *metricWriter) write(f *engine.Figures) {
	point := func(to pmetric.NumberDataPointSlice, value float64) pmetric.NumberDataPoint {
		p := to.AppendEmpty()
		p.SetTimestamp(w.now)
		p.SetDoubleValue(value)
		identify(p.Attributes(), f.Objective, f.Values, f.Overflow)
		return p
	}
	if len(f.Objective.Parts) == 0 { // a composite objective has no events of its own
		bad, total := f.Ever.Events()
		point(w.total, total).SetStartTimestamp(pcommon.Timestamp(f.Began))
		point(w.good, total-bad).SetStartTimestamp(pcommon.Timestamp(f.Began))
	}
	point(w.target, f.Objective.Share)
	if f.Budget.Defined {
		p := point(w.remaining, f.Budget.Left)
		if f.Budget.Estimated {
			p.Attributes().PutBool(AttributeEstimated, true)
		}
	}
	if f.Exhausts {
		point(w.exhaustion, f.Exhaustion.Seconds())
	}
	for _, b := range f.Burns {
		if b.Defined {
			point(w.rate, b.Rate).Attributes().PutStr(AttributeWindow, burn.Name(b.Window))
		}
	}
}

// identify writes which budget it is.
func identify(to pcommon.Map, o *objective.Resolved, values []string, overflow bool) {
	to.PutStr(AttributeName, o.Name)
	if o.Service != "" {
		to.PutStr(AttributeService, o.Service)
	}
	for i, value := range values {
		to.PutStr(o.GroupBy[i], value)
	}
	if overflow {
		to.PutBool(AttributeOverflow, true)
	}
}
