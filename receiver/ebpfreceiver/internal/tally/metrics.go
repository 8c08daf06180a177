// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/internal/events"
)

// Attributes of the data points, by the semantic conventions.
const (
	// Device is the name of a block device.
	Device = "system.device"
	// Direction is read or write.
	Direction = "disk.io.direction"
)

// Definition describes a metric. All are cumulative, monotonic sums since the process
// was attached.
type Definition struct {
	Name        string
	Unit        string
	Description string
}

func diskIO() Definition {
	return Definition{
		Name:        "process.disk.io",
		Unit:        "By",
		Description: "Bytes that the process's own threads read from block devices and wrote to them.",
	}
}

func operations() Definition {
	return Definition{
		Name:        "fathom.process.disk.operations",
		Unit:        "{operation}",
		Description: "Requests that the process's own threads made to block devices.",
	}
}

func operationTime() Definition {
	return Definition{
		Name:        "fathom.process.disk.operation_time",
		Unit:        "s",
		Description: "Time that these requests took, from when they were made until they were completed, added up.",
	}
}

func waits() Definition {
	return Definition{
		Name:        "fathom.process.disk.waits",
		Unit:        "{wait}",
		Description: "Waits of the process's threads for block devices.",
	}
}

func waitTime() Definition {
	return Definition{
		Name:        "fathom.process.disk.wait_time",
		Unit:        "s",
		Description: "Time that the process's threads waited for block devices, added up.",
	}
}

func signals() Definition {
	return Definition{
		Name:        "fathom.process.signals",
		Unit:        "{signal}",
		Description: "Signals that were delivered to the process.",
	}
}

func preemptions() Definition {
	return Definition{
		Name:        "fathom.go.preemptions",
		Unit:        "{preemption}",
		Description: "Signals by which the Go runtime preempted goroutines.",
	}
}

// Definitions returns all metrics of this package, as they are emitted.
func Definitions() []Definition {
	return []Definition{diskIO(), operations(), operationTime(), waits(), waitTime(), signals(), preemptions()}
}

// AppendTo adds the metrics as of the last reading; none of what never was.
func (p *Process) AppendTo(metrics pmetric.MetricSlice) {
	w := writer{start: pcommon.NewTimestampFromTime(p.start), now: pcommon.NewTimestampFromTime(p.read)}
	if len(p.last.Requests) > 0 {
		bytes, counts, times := addSum(metrics, diskIO()), addSum(metrics, operations()), addSum(metrics, operationTime())
		for disk, sum := range p.last.Requests {
			putDisk(w.add(bytes, sum.Bytes), disk)
			putDisk(w.add(counts, sum.Count), disk)
			putDisk(w.addTime(times, sum.Time), disk)
		}
	}
	if p.last.Waits.Count > 0 {
		w.add(addSum(metrics, waits()), p.last.Waits.Count)
		w.addTime(addSum(metrics, waitTime()), p.last.Waits.Time)
	}
	p.appendSignals(metrics, w)
}

func (p *Process) appendSignals(metrics pmetric.MetricSlice, w writer) {
	if len(p.last.Signals) == 0 {
		return
	}
	preempted, byName := uint64(0), map[string]uint64{}
	for signal, n := range p.last.Signals {
		byName[signalName(signal.Number)] += n
		if signal.Preempts {
			preempted += n
		}
	}
	delivered := addSum(metrics, signals())
	for name, n := range byName {
		w.add(delivered, n).Attributes().PutStr(events.SignalName, name)
	}
	w.add(addSum(metrics, preemptions()), preempted)
}

func putDisk(point pmetric.NumberDataPoint, disk Disk) {
	direction := "read"
	if disk.Write {
		direction = "write"
	}
	point.Attributes().PutStr(Device, disk.Device)
	point.Attributes().PutStr(Direction, direction)
}

// writer adds data points of one interval.
type writer struct{ start, now pcommon.Timestamp }

func (w writer) add(points pmetric.NumberDataPointSlice, value uint64) pmetric.NumberDataPoint {
	point := points.AppendEmpty()
	point.SetStartTimestamp(w.start)
	point.SetTimestamp(w.now)
	point.SetIntValue(int64(value))
	return point
}

func (w writer) addTime(points pmetric.NumberDataPointSlice, value time.Duration) pmetric.NumberDataPoint {
	point := w.add(points, 0)
	point.SetDoubleValue(value.Seconds())
	return point
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
