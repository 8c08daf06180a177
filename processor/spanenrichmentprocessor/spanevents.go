// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// putEvents adds events to a span that does not have them yet.
func putEvents(span ptrace.Span, list []*join.Event) bool {
	if len(list) == 0 {
		return false
	}
	changed := false
	var few [8]eventID // mostly there are no more
	present := presentEvents(few[:0], span.Events())
	span.Events().EnsureCapacity(span.Events().Len() + min(len(list), join.MaxEvents-min(len(present), join.MaxEvents)))
	for _, e := range list {
		if len(present) >= join.MaxEvents {
			break
		}
		id := eventID{e.Name, pcommon.Timestamp(e.Interval.End), e.Interval.End - e.Interval.Start, e.Goroutine, e.Path + e.Peer.Address}
		if slices.Contains(present, id) {
			continue
		}
		present = append(present, id)
		putEvent(span.Events().AppendEmpty(), e)
		changed = true
	}
	return changed
}

// eventID tells the events of this processor on a span apart.
type eventID struct {
	name      string
	at        pcommon.Timestamp
	duration  int64
	goroutine int64
	object    string // the file or the peer
}

// presentEvents appends the events of this processor that a span has already.
func presentEvents(present []eventID, list ptrace.SpanEventSlice) []eventID {
	for _, event := range list.All() {
		if kind, name, ok := kindOf(event.Name()); ok && kind.IsEvent() {
			attributes := event.Attributes()
			duration, _ := intAttribute(attributes, events.Duration)
			goroutine, _ := intAttribute(attributes, events.GoroutineID)
			object := stringAttribute(attributes, events.FilePath) + stringAttribute(attributes, events.NetworkPeerAddress)
			present = append(present, eventID{name, event.Timestamp(), duration, goroutine, object})
		}
	}
	return present
}

func putEvent(event ptrace.SpanEvent, e *join.Event) {
	event.SetName(e.Name)
	event.SetTimestamp(pcommon.Timestamp(e.Interval.End))
	attributes := event.Attributes()
	attributes.EnsureCapacity(6 + len(e.More))
	putText(attributes, events.FilePath, e.Path)
	putText(attributes, events.NetworkPeerAddress, e.Peer.Address)
	putNumber(attributes, events.NetworkPeerPort, e.Peer.Port)
	attributes.PutInt(events.Duration, e.Interval.End-e.Interval.Start)
	putNumber(attributes, events.GoroutineID, e.Goroutine)
	putNumber(attributes, events.ThreadID, e.Thread)
	putText(attributes, events.ErrorType, e.Error)
	for i := range e.More {
		if more := &e.More[i]; more.IsText {
			attributes.PutStr(more.Name, more.Text)
		} else {
			attributes.PutInt(more.Name, more.Number)
		}
	}
}

// putText and putNumber leave out what is not known.
func putText(attributes pcommon.Map, name, text string) {
	if text != "" {
		attributes.PutStr(name, text)
	}
}

func putNumber(attributes pcommon.Map, name string, number int64) {
	if number != 0 {
		attributes.PutInt(name, number)
	}
}
