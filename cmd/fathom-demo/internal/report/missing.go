// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"time"
)

// mostWithoutLedger is how many of 100 spans of a service may lack a ledger: on a
// machine that is busy with other things it may come after its span has left the
// processor, and is stored as an event then.
const mostWithoutLedger = 5

// Wanted is what a complete report holds.
type Wanted struct {
	// Services, each with spans that have ledgers, and with runtime metrics.
	Services []string
	// Requests that the load generator sent to Service's Route.
	Service, Route string
	Requests       uint64
}

// Missing says what the report lacks, nothing where it is complete.
func Missing(r *Report, want Wanted) []string {
	var missing []string
	say := func(format string, arguments ...any) { missing = append(missing, fmt.Sprintf(format, arguments...)) }
	for _, service := range want.Services {
		spans, without := count(r.Routes, service)
		switch {
		case spans == 0:
			say("there is no span of %s", service)
		case spans == without:
			say("none of the %d spans of %s has a time ledger", spans, service)
		case without*100 > spans*mostWithoutLedger:
			say("%d of %d spans of %s have no time ledger", without, spans, service)
		}
		if !hasRuntime(r.Runtimes, service) {
			say("there are no runtime metrics of %s", service)
		}
	}
	var stored uint64
	for _, route := range r.Routes {
		if route.Service == want.Service && route.Name == want.Route {
			stored += route.Count
		}
	}
	if stored != want.Requests {
		say("%d requests were sent to %s %s, and %d spans of them are stored", want.Requests, want.Service, want.Route, stored)
	}
	if len(r.Traces) == 0 {
		say("there is no trace")
	}
	for _, trace := range r.Traces {
		for _, root := range trace.Roots {
			missing = append(missing, unbalanced(root)...)
		}
	}
	return missing
}

// unbalanced says which spans' parts do not sum to their duration.
func unbalanced(s *Span) []string {
	var said []string
	if total := s.Ledger.Total(); s.HasLedger && total != uint64(s.Duration) {
		said = append(said, fmt.Sprintf("the parts of span %s %q of %s sum to %v, its duration is %v",
			s.ID, s.Name, s.Service, time.Duration(total), s.Duration))
	}
	for _, child := range s.Children {
		said = append(said, unbalanced(child)...)
	}
	return said
}

func count(routes []Route, service string) (spans, without uint64) {
	for _, route := range routes {
		if route.Service == service {
			spans += route.Count
			without += route.WithoutLedger
		}
	}
	return spans, without
}

func hasRuntime(runtimes []Runtime, service string) bool {
	for _, r := range runtimes {
		if r.Service == service && r.HeapBytes > 0 && r.Goroutines > 0 {
			return true
		}
	}
	return false
}
