// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"errors"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// unfinishedError is the failure of a block that is inserted in parts: the
// first rows are done with, stored or refused for good, and are not to be
// inserted again.
type unfinishedError struct {
	done int
	error
}

func (e *unfinishedError) Unwrap() error { return e.error }

func unfinished(done int, err error) error {
	if done == 0 {
		return err
	}
	return &unfinishedError{done, err}
}

// doneRows is the number of rows that are done with in spite of an error.
func doneRows(err error) int {
	var part *unfinishedError
	if errors.As(err, &part) {
		return part.done
	}
	return 0
}

// first is true for the first n calls: rows stand in the order of the data that
// they come from.
func first(n int) func() bool {
	return func() bool {
		n--
		return n >= 0
	}
}

// spansAfter is a copy of all spans but the first n.
func spansAfter(traces ptrace.Traces, n int) ptrace.Traces {
	rest := ptrace.NewTraces()
	traces.CopyTo(rest)
	drop := first(n)
	rest.ResourceSpans().RemoveIf(func(resource ptrace.ResourceSpans) bool {
		resource.ScopeSpans().RemoveIf(func(scope ptrace.ScopeSpans) bool {
			scope.Spans().RemoveIf(func(ptrace.Span) bool { return drop() })
			return scope.Spans().Len() == 0
		})
		return resource.ScopeSpans().Len() == 0
	})
	return rest
}

// recordsAfter is a copy of all log records but the first n.
func recordsAfter(logs plog.Logs, n int) plog.Logs {
	rest := plog.NewLogs()
	logs.CopyTo(rest)
	drop := first(n)
	rest.ResourceLogs().RemoveIf(func(resource plog.ResourceLogs) bool {
		resource.ScopeLogs().RemoveIf(func(scope plog.ScopeLogs) bool {
			scope.LogRecords().RemoveIf(func(plog.LogRecord) bool { return drop() })
			return scope.LogRecords().Len() == 0
		})
		return resource.ScopeLogs().Len() == 0
	})
	return rest
}

// pointsAfter is a copy of the metrics of those types, of each type without its
// first points, as many as the map says.
func pointsAfter(metrics pmetric.Metrics, done map[pmetric.MetricType]int) pmetric.Metrics {
	rest := pmetric.NewMetrics()
	metrics.CopyTo(rest)
	drops := map[pmetric.MetricType]func() bool{}
	for kind, n := range done {
		drops[kind] = first(n)
	}
	rest.ResourceMetrics().RemoveIf(func(resource pmetric.ResourceMetrics) bool {
		resource.ScopeMetrics().RemoveIf(func(scope pmetric.ScopeMetrics) bool {
			scope.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				drop, wanted := drops[m.Type()]
				return !wanted || dropPoints(m, drop) == 0
			})
			return scope.Metrics().Len() == 0
		})
		return resource.ScopeMetrics().Len() == 0
	})
	return rest
}

// dropPoints drops points of a metric and returns how many are left.
func dropPoints(m pmetric.Metric, drop func() bool) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return dropFrom(m.Gauge().DataPoints(), drop)
	case pmetric.MetricTypeSum:
		return dropFrom(m.Sum().DataPoints(), drop)
	case pmetric.MetricTypeSummary:
		return dropFrom(m.Summary().DataPoints(), drop)
	case pmetric.MetricTypeHistogram:
		return dropFrom(m.Histogram().DataPoints(), drop)
	default:
		return dropFrom(m.ExponentialHistogram().DataPoints(), drop)
	}
}

func dropFrom[P any](points interface {
	RemoveIf(func(P) bool)
	Len() int
}, drop func() bool,
) int {
	points.RemoveIf(func(P) bool { return drop() })
	return points.Len()
}
