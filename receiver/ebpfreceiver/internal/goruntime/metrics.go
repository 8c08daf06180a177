// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// AppendTo adds the metrics of the snapshot, taken at now from a process that
// began at start. All are cumulative. go.memory.limit is left out where the
// process has no limit, as are metrics that the layout could not prove.
func (s *Snapshot) AppendTo(metrics pmetric.MetricSlice, start, now time.Time) {
	limits := bounds()
	for m := range metric(numMetrics) {
		if !s.has[m] || m == memoryLimit && s.ints[m] == math.MaxInt64 {
			continue
		}
		definition := m.definition()
		added := metrics.AppendEmpty()
		added.SetName(definition.Name)
		added.SetUnit(definition.Unit)
		added.SetDescription(definition.Description)
		w := writer{
			attributes: definition.Attributes,
			start:      pcommon.NewTimestampFromTime(start),
			now:        pcommon.NewTimestampFromTime(now),
		}
		if definition.Instrument == Histogram {
			w.putHistograms(added, s.distributions(m), limits)
		} else {
			w.putSum(added, definition, s.values(m))
		}
	}
}

// value is a number of a metric, with those of its attributes.
type value struct {
	labels []string
	number int64 // nanoseconds where the metric's unit is the second
}

// values are the numbers of a sum.
func (s *Snapshot) values(m metric) []value {
	var values []value
	switch m {
	case memoryUsed:
		return []value{{[]string{"stack"}, s.stacks}, {[]string{"other"}, s.ints[m]}}
	case cpuTime:
		for i, class := range cpuClasses() {
			values = append(values, value{[]string{class.state, class.detail}, s.cpu[i]})
		}
	case memoryClasses:
		for class, name := range memoryClassNames() {
			values = append(values, value{[]string{name}, s.classes[class]})
		}
	case goroutineStates:
		for state, name := range stateNames() {
			values = append(values, value{[]string{name}, s.states[state]})
		}
	case goroutineWaits:
		return s.waitValues()
	default:
		return []value{{nil, s.ints[m]}}
	}
	return values
}

// waitValues are the goroutines by what they wait for. A reason that has no
// text is not set yet.
func (s *Snapshot) waitValues() []value {
	var values []value
	var unnamed int64
	for reason, n := range s.waits {
		switch text := s.texts[uint8(reason)]; {
		case n == 0:
		case text == "":
			unnamed += n
		default:
			values = append(values, value{[]string{text}, n})
		}
	}
	if unnamed > 0 {
		values = append(values, value{[]string{"unknown"}, unnamed})
	}
	return values
}

// distribution is a histogram of a metric, with the values of its attributes.
type distribution struct {
	labels    []string
	durations *durations
}

// distributions are the histograms of a metric.
func (s *Snapshot) distributions(m metric) []distribution {
	switch m {
	case scheduleDuration:
		return []distribution{{nil, &s.schedule}}
	case memoryGCPauseDuration:
		return []distribution{{nil, &s.pauses}}
	case otherStops:
		return []distribution{{nil, &s.otherPauses}}
	case stoppingDuration:
		return []distribution{{[]string{"gc"}, &s.stoppingGC}, {[]string{"other"}, &s.stoppingOther}}
	}
	return nil
}

// writer makes data points of one metric.
type writer struct {
	attributes []string
	start, now pcommon.Timestamp
}

func (w writer) putHistograms(added pmetric.Metric, distributions []distribution, limits []float64) {
	histogram := added.SetEmptyHistogram()
	histogram.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for _, d := range distributions {
		point := histogram.DataPoints().AppendEmpty()
		point.SetStartTimestamp(w.start)
		point.SetTimestamp(w.now)
		w.putLabels(point.Attributes(), d.labels)
		putDurations(d.durations, limits, point)
	}
}

func (w writer) putSum(added pmetric.Metric, definition Definition, values []value) {
	sum := added.SetEmptySum()
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	sum.SetIsMonotonic(definition.Instrument == Counter)
	for _, v := range values {
		point := sum.DataPoints().AppendEmpty()
		point.SetStartTimestamp(w.start)
		point.SetTimestamp(w.now)
		w.putLabels(point.Attributes(), v.labels)
		if definition.Unit == "s" {
			point.SetDoubleValue(float64(v.number) / 1e9)
		} else {
			point.SetIntValue(v.number)
		}
	}
}

func (w writer) putLabels(into pcommon.Map, labels []string) {
	for i, label := range labels {
		into.PutStr(w.attributes[i], label)
	}
}
