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
	open  map[string]opening
}

// opening is where a span started: its ledger is what the goroutine spent since.
type opening struct {
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

func (t *timeline) start(spanID string, at trace.Time) {
	t.advance(at)
	if t.open == nil {
		t.open = map[string]opening{}
	}
	t.open[spanID] = opening{at: at, spent: t.spent}
}

func (t *timeline) end(spanID string, at trace.Time) (start trace.Time, spent ledger.Ledger, ok bool) {
	t.advance(at)
	opened, ok := t.open[spanID]
	if !ok {
		return 0, ledger.Ledger{}, false
	}
	delete(t.open, spanID)
	for cause, ns := range t.spent {
		spent[cause] = ns - opened.spent[cause]
	}
	return opened.at, spent, true
}
