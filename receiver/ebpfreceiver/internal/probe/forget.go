// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// goroutineKey is struct goroutine_key of bpf/headers/goroutine.h.
type goroutineKey struct {
	G    uint64
	TGID uint32
	_    uint32
}

// criticalKey is struct critical_key of bpf/headers/critical_ledger.h.
type criticalKey struct {
	GoroutineID, Start uint64
	TGID               uint32
	_                  uint32
}

// forgotten is what a goroutine leaves: open spans, and its place in in_span.
type forgotten struct {
	spans int
	place uint32
}

// forget removes what the process left in the maps of goroutines and threads.
func (a *Attachment) forget() (open int, err error) {
	stale := map[goroutineKey]forgotten{}
	err = visit(a.programs.spans.Goroutines, func(key goroutineKey, value *spansGoroutine) {
		if key.TGID == a.pid {
			stale[key] = forgotten{spans: openSpans(value), place: value.Place}
		}
	})
	errs := []error{err}
	for key, goroutine := range stale {
		open += goroutine.spans
		errs = append(errs, ignoreMissing(a.programs.spans.Goroutines.Delete(key)), a.programs.clearPlace(goroutine.place))
		errs = append(errs, ignoreMissing(a.programs.spans.Children.Delete(key)))
	}
	errs = append(errs, a.forgetActivity())
	streams, err := a.forgetClientStreams()
	open += streams
	if err := errors.Join(append(errs, err, a.forgetThreads(), a.forgetStreams(), a.forgetBegun())...); err != nil {
		return open, fmt.Errorf("forgetting the goroutines of process %d: %w", a.pid, err)
	}
	return open, nil
}

// forgetBegun removes what is kept of goroutines while something is under way: spans
// that are about to end, the texts of queries, look-ups and handshakes, and what the
// goroutines did that spans waited for.
func (a *Attachment) forgetBegun() error {
	var errs []error
	for _, m := range []*ebpf.Map{a.programs.spans.EndingSpans, a.programs.sql.QueryTexts, a.programs.setup.Setups} {
		_, err := forgetOwn(m, func(key goroutineKey, _ *[]byte) bool { return key.TGID == a.pid })
		errs = append(errs, err)
	}
	_, err := forgetOwn(a.programs.spans.CriticalLedgers, func(key criticalKey, _ *[]byte) bool { return key.TGID == a.pid })
	return errors.Join(append(errs, err)...)
}

// forgetActivity says that no goroutine of the process is in a span.
func (a *Attachment) forgetActivity() error {
	if err := a.programs.spans.Activities.Put(a.slot, &spansActivity{}); err != nil {
		return fmt.Errorf("forgetting what the process's threads did: %w", err)
	}
	return nil
}

// forgetThreads removes what is known of which thread runs which goroutine.
func (a *Attachment) forgetThreads() error {
	_, err := forgetOwn(a.programs.spans.Threads, func(_ uint32, key *goroutineKey) bool { return key.TGID == a.pid })
	return err
}

// OpenSpans are the spans and requests of all processes that have not ended yet.
func (p *Programs) OpenSpans() (open int, err error) {
	err = visit(p.spans.Goroutines, func(_ goroutineKey, value *spansGoroutine) { open += openSpans(value) })
	if err != nil {
		return 0, fmt.Errorf("counting the open spans: %w", err)
	}
	return open, nil
}

// openSpans are those of a goroutine that would have been told: no request that
// an SDK tells.
func openSpans(s *spansGoroutine) int {
	const sdk = 2 // SPAN_SDK
	open := 0
	for _, span := range s.Spans[:min(int(s.Depth), len(s.Spans))] {
		if span.Kind == sdk || span.SdkInside == 0 {
			open++
		}
	}
	return open
}
