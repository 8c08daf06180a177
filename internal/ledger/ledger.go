// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package ledger defines the time ledger: how the wall time of a span on its
// goroutine splits into causes that exclude each other and sum to the span's
// duration. The receiver fills it, the processor joins it to spans, the
// exporter stores it.
package ledger

import "fmt"

// Ledger holds nanoseconds by Cause.
type Ledger [NumCauses]uint64

// Total is the sum over all causes in nanoseconds.
func (l Ledger) Total() uint64 {
	var sum uint64
	for _, ns := range l {
		sum += ns
	}
	return sum
}

// Dominant returns the cause with the most time and that time. Ties go to the
// cause that is declared first. An empty ledger is dominated by Unattributed.
func (l Ledger) Dominant() (Cause, uint64) {
	dominant, most := Unattributed, uint64(0)
	for cause, ns := range l {
		if ns > most {
			dominant, most = Cause(cause), ns
		}
	}
	return dominant, most
}

// Fit makes the parts sum to duration, the span's own, in nanoseconds. Probes
// sit some microseconds inside of the span's clock readings, so what is missing
// is added to Unattributed. Where the ledger is longer than the span (its end
// was back-dated, say), the excess is taken from Unattributed first, then from
// the largest causes, and returned so that the caller can count it.
func (l *Ledger) Fit(duration uint64) (excess uint64) {
	total := l.Total()
	if total <= duration {
		l[Unattributed] += duration - total
		return 0
	}
	excess = total - duration
	left := excess - take(&l[Unattributed], excess)
	for left > 0 {
		cause, _ := l.Dominant()
		left -= take(&l[cause], left)
	}
	return excess
}

// take subtracts up to want from *part and returns what it took.
func take(part *uint64, want uint64) uint64 {
	taken := min(*part, want)
	*part -= taken
	return taken
}

// Source says how a ledger was obtained.
type Source uint8

const (
	// Exact ledgers come from scheduler probes that saw every transition.
	Exact Source = iota
	// Sampled ledgers come from polling the goroutine's state.
	Sampled
)

// String is the value of the attribute fathom.time.source.
func (s Source) String() string {
	switch s {
	case Exact:
		return "exact"
	case Sampled:
		return "sampled"
	default:
		return fmt.Sprintf("source(%d)", uint8(s))
	}
}

// ParseSource reads the value of the attribute fathom.time.source.
func ParseSource(text string) (Source, error) {
	switch text {
	case "exact":
		return Exact, nil
	case "sampled":
		return Sampled, nil
	default:
		return 0, fmt.Errorf("%q is no ledger source: want exact or sampled", text)
	}
}
