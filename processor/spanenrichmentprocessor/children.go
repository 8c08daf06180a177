// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// readChildren reads an attribute of a ledger that tells of the goroutines which
// the span started or handed work to, false where it is none or of another type.
func readChildren(c *join.Children, name string, value pcommon.Value) bool {
	if c.Time.ReadCritical(name, value) {
		return true
	}
	if value.Type() != pcommon.ValueTypeInt {
		return false
	}
	switch name {
	case events.Goroutines:
		c.Count = value.Int()
	case events.HandOvers:
		c.HandOvers = value.Int()
	case events.CriticalGoroutineID:
		c.Critical = value.Int()
	case events.CriticalWait:
		c.Wait = value.Int()
	default:
		return false
	}
	return true
}

// putChildren writes them onto the span.
func putChildren(attributes pcommon.Map, c *join.Children) {
	putPositive(attributes, events.Goroutines, c.Count)
	putPositive(attributes, events.HandOvers, c.HandOvers)
	if c.Critical == 0 {
		return
	}
	putAbsent(attributes, events.CriticalGoroutineID, c.Critical)
	putAbsent(attributes, events.CriticalWait, c.Wait)
	cause, ns := c.Time.Dominant()
	putAbsent(attributes, events.CriticalAge, int64(c.Time.Total()))
	if dominant, present := attributes.GetOrPutEmpty(events.CriticalDominant); !present {
		dominant.SetStr(cause.String())
	}
	putAbsent(attributes, events.CriticalDominantTime, int64(ns))
	c.Time.PutCritical(attributes)
}
