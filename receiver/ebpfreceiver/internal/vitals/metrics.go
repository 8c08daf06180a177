// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package vitals

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/internal/events"
)

// FaultType is the attribute of process.paging.faults: major or minor.
const FaultType = "system.paging.fault.type"

// Definition describes a metric. All are cumulative, monotonic sums of integers.
type Definition struct {
	Name        string
	Unit        string
	Description string
}

func pagingFaults() Definition {
	return Definition{
		Name:        "process.paging.faults",
		Unit:        "{fault}",
		Description: "Page faults of the process since it started: a major one waits for a disk.",
	}
}

func throttledPeriods() Definition {
	return Definition{
		Name:        "fathom.cgroup.throttled.periods",
		Unit:        "{period}",
		Description: "Periods in which a cgroup of the process had used up its CPU time and was stopped.",
	}
}

func throttledTime() Definition {
	return Definition{
		Name:        "fathom.cgroup.throttled.time",
		Unit:        "ns",
		Description: "Time for which a cgroup of the process was stopped by its limit of CPU time, summed over CPUs.",
	}
}

// Definitions returns all metrics of this package.
func Definitions() []Definition {
	return []Definition{pagingFaults(), throttledPeriods(), throttledTime()}
}

// AppendTo adds the metrics as of the last reading, for a process that began at
// start. A cgroup without a limit has none.
func (p *Process) AppendTo(metrics pmetric.MetricSlice, start time.Time) {
	faults := addSum(metrics, pagingFaults())
	p.add(faults, start, p.faults.Major).PutStr(FaultType, "major")
	p.add(faults, start, p.faults.Minor).PutStr(FaultType, "minor")
	if !p.limited() {
		return
	}
	periods, times := addSum(metrics, throttledPeriods()), addSum(metrics, throttledTime())
	for path, group := range p.cgroups {
		if group.last.Periods > 0 {
			p.add(periods, group.began, group.total.Throttled).PutStr(events.CgroupPath, path)
			p.add(times, group.began, uint64(group.total.Time)).PutStr(events.CgroupPath, path)
		}
	}
}

// limited reports whether any cgroup of the process has had a limit.
func (p *Process) limited() bool {
	for _, group := range p.cgroups {
		if group.last.Periods > 0 {
			return true
		}
	}
	return false
}

func (p *Process) add(points pmetric.NumberDataPointSlice, start time.Time, value uint64) pcommon.Map {
	point := points.AppendEmpty()
	point.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	point.SetTimestamp(pcommon.NewTimestampFromTime(p.read))
	point.SetIntValue(int64(value))
	return point.Attributes()
}

func addSum(metrics pmetric.MetricSlice, d Definition) pmetric.NumberDataPointSlice {
	metric := metrics.AppendEmpty()
	metric.SetName(d.Name)
	metric.SetUnit(d.Unit)
	metric.SetDescription(d.Description)
	sum := metric.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return sum.DataPoints()
}
