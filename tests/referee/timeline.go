// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"golang.org/x/exp/trace"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// timeline splits one goroutine's time. It only counts while a span is open on
// the goroutine.
type timeline struct {
	now   condition
	since trace.Time
	spent ledger.Ledger
	open  map[string]*opening
}

// opening is where a span started: its ledger is what the goroutine spent since.
type opening struct {
	at    trace.Time
	spent ledger.Ledger
	// ended is where its end is known already, before it is marked.
	ended *ending
}

// ending is where a span ended, and what its goroutine had spent then.
type ending struct {
	at    trace.Time
	spent ledger.Ledger
}

// advance books the time until at to the cause that held until then.
func (t *timeline) advance(at trace.Time) {
	if len(t.open) > 0 {
		t.spent[t.now.cause()] += uint64(at.Sub(t.since))
	}
	t.since = at
}

// start opens a span, or opens it later than it was.
func (t *timeline) start(spanID string, at trace.Time) {
	t.advance(at)
	if t.open == nil {
		t.open = map[string]*opening{}
	}
	t.open[spanID] = &opening{at: at, spent: t.spent}
}

// ends notes where a span ends that stays open until its end is marked.
func (t *timeline) ends(spanID string, at trace.Time) {
	if opened := t.open[spanID]; opened != nil {
		t.advance(at)
		opened.ended = &ending{at: at, spent: t.spent}
	}
}

func (t *timeline) end(spanID string, at trace.Time) (start, end trace.Time, spent ledger.Ledger, ok bool) {
	t.advance(at)
	opened := t.open[spanID]
	if opened == nil {
		return 0, 0, ledger.Ledger{}, false
	}
	delete(t.open, spanID)
	ended := opened.ended
	if ended == nil {
		ended = &ending{at: at, spent: t.spent}
	}
	for cause, ns := range ended.spent {
		spent[cause] = ns - opened.spent[cause]
	}
	return opened.at, ended.at, spent, true
}
