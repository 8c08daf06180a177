// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// readRuntimes reads what the receiver says of the services' Go runtimes, under
// the semantic conventions' names of Go metrics.
func (r *Reader) readRuntimes(ctx context.Context, report *Report) error {
	runtimes := map[string]*Runtime{}
	of := func(service string) *Runtime {
		if runtimes[service] == nil {
			runtimes[service] = &Runtime{Service: service}
		}
		return runtimes[service]
	}
	err := r.each(ctx, numbersSQL, func(rows driver.Rows) error {
		var service, metric, kind string
		var value float64
		var series uint64
		if err := rows.Scan(&service, &metric, &kind, &value, &series); err != nil {
			return err
		}
		runtime := of(service)
		runtime.Series += series
		switch {
		case metric == "go.memory.used" && kind != "stack":
			runtime.HeapBytes += value
		case metric == "go.goroutine.count":
			runtime.Goroutines = value
		case metric == "go.memory.allocated":
			runtime.AllocatedBytes = value
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = r.each(ctx, schedulesSQL, func(rows driver.Rows) error {
		var service string
		var bounds []float64
		var counts []uint64
		if err := rows.Scan(&service, &bounds, &counts); err != nil {
			return err
		}
		runtime := of(service)
		runtime.Series++
		runtime.ScheduleP99 = seconds(quantile(0.99, bounds, counts))
		return nil
	})
	for _, service := range r.Services {
		if runtime := runtimes[service]; runtime != nil {
			report.Runtimes = append(report.Runtimes, *runtime)
		}
	}
	return err
}

// quantile is the upper bound of the histogram's bucket that holds it, the last
// bound if that is open above, and 0 if the histogram is empty.
func quantile(q float64, bounds []float64, counts []uint64) float64 {
	var total, sum uint64
	for _, n := range counts {
		total += n
	}
	if total == 0 || len(bounds) == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(total)))
	for i, n := range counts {
		if sum += n; sum >= rank {
			return bounds[min(i, len(bounds)-1)]
		}
	}
	return bounds[len(bounds)-1]
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
