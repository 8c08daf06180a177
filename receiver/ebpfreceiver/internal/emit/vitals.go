// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/tally"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/vitals"
)

// AddThrottled puts in how a cgroup of the process was throttled.
func (b *Batch) AddThrottled(p *discover.Process, t vitals.Throttled) {
	log := b.logsOf(p).AppendEmpty()
	b.addInterval(log, events.CgroupThrottled, t.Start, t.End)
	log.Attributes().PutStr(events.CgroupPath, t.Path)
	log.Attributes().PutInt(events.ThrottledPeriods, int64(t.Throttled))
	log.Attributes().PutInt(events.ThrottledTime, int64(t.Time))
}

// AddPaging puts in the page faults of the process.
func (b *Batch) AddPaging(p *discover.Process, paging vitals.Paging) {
	log := b.logsOf(p).AppendEmpty()
	b.addInterval(log, events.PageFaults, paging.Start, paging.End)
	log.Attributes().PutInt(events.MajorFaults, int64(paging.Major))
	log.Attributes().PutInt(events.MinorFaults, int64(paging.Minor))
}

// AddStorm puts in that many of one signal were delivered to the process.
func (b *Batch) AddStorm(p *discover.Process, s tally.Storm) {
	log := b.logsOf(p).AppendEmpty()
	b.addInterval(log, events.SignalStorm, s.Start, s.End)
	log.Attributes().PutStr(events.SignalName, s.Name)
	log.Attributes().PutInt(events.SignalCount, int64(s.Count))
	log.Attributes().PutInt(events.SignalPreemptions, int64(s.Preemptions))
}

// addInterval fills an event about a process between two readings, by wall time.
func (b *Batch) addInterval(log plog.LogRecord, name string, start, end time.Time) {
	monotonic := func(t time.Time) uint64 { return uint64(t.UnixNano() - b.clock.offset) }
	b.addEvent(log, name, &record.Header{Start: monotonic(start), End: monotonic(end)})
}
