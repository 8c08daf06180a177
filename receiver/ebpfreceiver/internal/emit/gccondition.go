// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/gcwatch"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// AddGCCondition tells that a condition on a process's garbage collector holds.
func (b *Batch) AddGCCondition(p *discover.Process, breach gcwatch.Breach) {
	log := b.logsOf(p).AppendEmpty()
	b.addEvent(log, events.GCCondition, &record.Header{Start: breach.Start, End: breach.End})
	log.SetSeverityNumber(plog.SeverityNumberWarn)
	log.SetSeverityText("WARN")
	attributes := log.Attributes()
	attributes.PutStr(events.GCConditionRule, breach.Rule.Kind())
	attributes.PutInt(events.GCConditionCount, int64(breach.Count))
	switch breach.Rule.Kind() {
	case gcwatch.ByPause:
		attributes.PutInt(events.GCConditionWorst, int64(breach.Worst))
		attributes.PutStr(events.StopTheWorldReason, breach.Reason)
	case gcwatch.ByAssist:
		attributes.PutDouble(events.GCConditionAssist, breach.AssistPercent)
	}
}
