// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goroutines"
)

// Dump is when goroutines of a process were read, and how many it had.
type Dump struct {
	Start, End time.Time
	Live       int
}

// AddGroup tells of a group of goroutines.
func (b *Batch) AddGroup(p *discover.Process, d Dump, g *goroutines.Group) {
	log := b.logsOf(p).AppendEmpty()
	log.SetSeverityNumber(plog.SeverityNumberInfo)
	log.SetSeverityText("INFO")
	putGroup(log, events.GoroutineGroup, d, d.End.Sub(d.Start), g)
}

// AddLeak tells of a group of goroutines that leaks, and of the traces that do.
func (b *Batch) AddLeak(p *discover.Process, d Dump, l *goroutines.Leak, o *goroutines.Origins) {
	log := b.logsOf(p).AppendEmpty()
	log.SetSeverityNumber(plog.SeverityNumberWarn)
	log.SetSeverityText("WARN")
	duration := d.End.Sub(d.Start)
	if l.By == goroutines.ByGrowth {
		duration = l.Window
		log.Attributes().PutInt(events.GoroutineGrowth, int64(l.Grew))
	}
	log.Attributes().PutStr(events.GoroutineLeakRule, string(l.By))
	putGroup(log, events.GoroutineLeak, d, duration, &l.Group)
	putOrigins(log.Attributes(), o)
}

func putOrigins(attributes pcommon.Map, o *goroutines.Origins) {
	if o.Goroutines == 0 {
		return
	}
	ids := attributes.PutEmptySlice(events.TraceIDs)
	for _, id := range o.Traces {
		ids.AppendEmpty().SetStr(pcommon.TraceID(id).String())
	}
	attributes.PutInt(events.GoroutineTraces, int64(o.Distinct))
	attributes.PutInt(events.GoroutineTraced, int64(o.Goroutines))
}

func putGroup(log plog.LogRecord, name string, d Dump, duration time.Duration, g *goroutines.Group) {
	log.SetEventName(name)
	log.SetTimestamp(pcommon.NewTimestampFromTime(d.End))
	log.SetObservedTimestamp(pcommon.NewTimestampFromTime(d.End))
	attributes := log.Attributes()
	attributes.PutInt(events.Duration, int64(duration))
	attributes.PutInt(events.GoroutineLive, int64(d.Live))
	attributes.PutInt(events.GoroutineCount, int64(g.Count))
	attributes.PutStr(events.GoroutineState, g.StateText)
	attributes.PutInt(events.GoroutineAge, int64(g.Age))
	attributes.PutInt(events.GoroutineWait, int64(g.Waiting))
	attributes.PutInt(events.GoroutineID, int64(g.ID))
	if g.Parent != 0 {
		attributes.PutInt(events.GoroutineParentID, int64(g.Parent))
	}
	if g.GoStatement.Function != "" {
		attributes.PutStr(events.FunctionName, g.GoStatement.Function)
	}
	if g.GoStatement.File != "" {
		attributes.PutStr(events.CodeFilePath, g.GoStatement.File)
		attributes.PutInt(events.LineNumber, int64(g.GoStatement.Line))
	}
	attributes.PutStr(events.Stacktrace, g.Stacktrace())
}
