// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/allocations"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// AddSite tells of a stack that allocated between two readings.
func (b *Batch) AddSite(p *discover.Process, since, now time.Time, site *allocations.Site) {
	log := b.logsOf(p).AppendEmpty()
	log.SetEventName(events.AllocationSite)
	log.SetTimestamp(pcommon.NewTimestampFromTime(now))
	log.SetObservedTimestamp(pcommon.NewTimestampFromTime(now))
	log.SetSeverityNumber(plog.SeverityNumberInfo)
	log.SetSeverityText("INFO")
	attributes := log.Attributes()
	attributes.PutInt(events.Duration, int64(now.Sub(since)))
	attributes.PutInt(events.AllocationBytes, site.Allocated.Bytes)
	attributes.PutInt(events.AllocationObjects, site.Allocated.Objects)
	attributes.PutInt(events.AllocationInUseBytes, site.InUse.Bytes)
	attributes.PutInt(events.AllocationInUseObjects, site.InUse.Objects)
	if len(site.Stack) > 0 && len(site.Stack[0].Calls) > 0 {
		call := site.Stack[0].Calls[0]
		attributes.PutStr(events.FunctionName, call.Function)
		attributes.PutStr(events.CodeFilePath, call.File)
		attributes.PutInt(events.LineNumber, int64(call.Line))
	}
	attributes.PutStr(events.Stacktrace, stacktrace(site.Stack))
}

// stacktrace is a stack as Go prints it, without arguments.
func stacktrace(stack []*profile.Place) string {
	var text strings.Builder
	for _, place := range stack {
		if len(place.Calls) == 0 {
			fmt.Fprintf(&text, "%#x\n", place.Address)
		}
		for _, call := range place.Calls {
			fmt.Fprintf(&text, "%s(...)\n\t%s:%d\n", call.Function, call.File, call.Line)
		}
	}
	return text.String()
}

// putSpent tells what a span's goroutine allocated, if any of that was sampled, how
// often it had to assist the collector for that, and how long it waited for block
// devices.
func putSpent(attributes pcommon.Map, s *record.Span) {
	if s.AllocationSamples > 0 {
		attributes.PutInt(events.AllocatedBytes, int64(s.AllocatedBytes))
		attributes.PutInt(events.AllocationSamples, int64(s.AllocationSamples))
	}
	if s.Assists > 0 {
		attributes.PutInt(events.GCAssists, int64(s.Assists))
	}
	if s.BlockWait > 0 {
		attributes.PutInt(events.BlockWaitTime, int64(s.BlockWait))
	}
}
