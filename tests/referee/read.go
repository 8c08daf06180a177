// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/exp/trace"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/tests/referee/mark"
)

// Span is a marked span and its reference ledger.
type Span struct {
	// ID is the span ID in 16 hexadecimal digits.
	ID string
	// Goroutine on which the span started. The ledger is that goroutine's, even
	// where another one ended the span.
	Goroutine int64
	// EndedBy is the goroutine that ended the span.
	EndedBy int64
	// Start is the trace's clock in nanoseconds: only differences mean something.
	Start trace.Time
	// Duration from start to end, in nanoseconds equal to Ledger.Total.
	Duration time.Duration
	// Ledger has all system calls of which the stack does not tell the class in
	// syscall.other, and never any os_runqueue.
	Ledger ledger.Ledger
}

// Read returns the spans that both start and end within an execution trace, in
// the order of their ends.
func Read(r io.Reader) ([]Span, error) {
	reader, err := trace.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("opening the execution trace: %w", err)
	}
	f := &follower{
		goroutines: map[trace.GoID]*timeline{}, owners: map[string]trace.GoID{}, stoppers: map[trace.GoID]bool{},
		marked: map[trace.GoID]string{}, tasks: map[trace.TaskID]string{},
	}
	for {
		event, err := reader.ReadEvent()
		if errors.Is(err, io.EOF) {
			return f.spans, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the execution trace: %w", err)
		}
		f.follow(event)
	}
}

// follower keeps a timeline for each goroutine.
type follower struct {
	goroutines map[trace.GoID]*timeline
	// owners of the open spans: the goroutine on which each started.
	owners map[string]trace.GoID
	// stoppers are the goroutines that keep the world stopped.
	stoppers map[trace.GoID]bool
	// marked are the spans whose start was the last mark on their goroutine.
	marked map[trace.GoID]string
	// tasks of the open spans that have one.
	tasks map[trace.TaskID]string
	spans []Span
}

func (f *follower) follow(event trace.Event) {
	switch event.Kind() {
	case trace.EventStateTransition:
		f.transition(event)
	case trace.EventRangeBegin, trace.EventRangeActive:
		f.inRange(event, true)
	case trace.EventRangeEnd:
		f.inRange(event, false)
	case trace.EventRegionBegin:
		if spanID, ok := mark.RegionSpan(event.Region().Type); ok {
			f.start(event, spanID)
		}
	case trace.EventRegionEnd:
		if spanID, ok := mark.RegionSpan(event.Region().Type); ok {
			f.end(event, spanID)
		}
	case trace.EventLog:
		switch log := event.Log(); log.Category {
		case mark.Started:
			f.start(event, log.Message)
		case mark.Ended:
			f.end(event, log.Message)
		}
	case trace.EventTaskBegin:
		f.taskBegins(event)
	case trace.EventTaskEnd:
		f.taskEnds(event)
	}
}

// taskBegins moves the start of a span to where the SDK makes its task: between
// the mark and that it allocates, which may take any time.
func (f *follower) taskBegins(event trace.Event) {
	spanID, ok := f.marked[event.Goroutine()]
	if !ok {
		return
	}
	delete(f.marked, event.Goroutine())
	f.tasks[event.Task().ID] = spanID
	f.timeline(event.Goroutine()).start(spanID, event.Time())
}

// taskEnds notes the end of a span where the SDK ends its task, before it marks
// the end.
func (f *follower) taskEnds(event trace.Event) {
	spanID, ok := f.tasks[event.Task().ID]
	if !ok {
		return
	}
	delete(f.tasks, event.Task().ID)
	if owner, ok := f.owners[spanID]; ok {
		f.timeline(owner).ends(spanID, event.Time())
	}
}

func (f *follower) timeline(id trace.GoID) *timeline {
	t := f.goroutines[id]
	if t == nil {
		t = &timeline{}
		f.goroutines[id] = t
	}
	return t
}

func (f *follower) transition(event trace.Event) {
	change := event.StateTransition()
	if change.Resource.Kind != trace.ResourceGoroutine {
		return
	}
	id := change.Resource.Goroutine()
	from, to := change.Goroutine()
	t := f.timeline(id)
	if from == to {
		return // A new generation of the trace repeats the state, without its reason.
	}
	t.advance(event.Time())
	t.now.state = to
	t.now.stopped = len(f.stoppers) > 0
	switch to {
	case trace.GoWaiting:
		t.now.why = waiting(change.Reason, functionsOf(change.Stack))
	case trace.GoSyscall:
		t.now.why = syscallClass(functionsOf(change.Stack))
	case trace.GoNotExist:
		// Another goroutine may still end a span that is open here.
		if len(t.open) == 0 {
			delete(f.goroutines, id)
		}
	}
}

func (f *follower) inRange(event trace.Event, inside bool) {
	r := event.Range()
	if r.Scope.Kind != trace.ResourceGoroutine {
		return
	}
	id := r.Scope.Goroutine()
	switch {
	case r.Name == "GC mark assist":
		t := f.timeline(id)
		t.advance(event.Time())
		t.now.assisting = inside
	case strings.HasPrefix(r.Name, "stop-the-world"):
		f.stop(id, inside, event.Time())
	}
}

// stop notes that a goroutine stops the world or starts it again: that changes
// where the time of all goroutines goes.
func (f *follower) stop(id trace.GoID, stopping bool, at trace.Time) {
	for _, t := range f.goroutines {
		t.advance(at)
	}
	f.timeline(id).now.stopping = stopping
	if stopping {
		f.stoppers[id] = true
	} else {
		delete(f.stoppers, id)
	}
	for _, t := range f.goroutines {
		t.now.stopped = len(f.stoppers) > 0
	}
}

func (f *follower) start(event trace.Event, spanID string) {
	f.owners[spanID] = event.Goroutine()
	f.marked[event.Goroutine()] = spanID
	f.timeline(event.Goroutine()).start(spanID, event.Time())
}

// end completes a span; one that started before the trace is left out.
func (f *follower) end(event trace.Event, spanID string) {
	delete(f.marked, event.Goroutine())
	owner, ok := f.owners[spanID]
	if !ok {
		return
	}
	delete(f.owners, spanID)
	start, end, spent, ok := f.timeline(owner).end(spanID, event.Time())
	if !ok {
		return
	}
	f.spans = append(f.spans, Span{
		ID:        spanID,
		Goroutine: int64(owner),
		EndedBy:   int64(event.Goroutine()),
		Start:     start,
		Duration:  end.Sub(start),
		Ledger:    spent,
	})
}
