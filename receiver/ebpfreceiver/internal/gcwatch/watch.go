// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package gcwatch

import (
	"slices"
	"time"
)

// Breach is a rule whose condition holds. Times are nanoseconds of one clock.
type Breach struct {
	Rule Rule
	// Start and End are of the time that was looked at: End less Rule.Within, or
	// less where the first of what counts came later.
	Start, End uint64
	// Count is how many stops of the world, or collections, count; of a rule on
	// assists how many spans.
	Count int
	// Worst is the longest stop of the world that counts, Reason the runtime's
	// name of why; of a rule on stops only.
	Worst  time.Duration
	Reason string
	// AssistPercent of the spans' time; of a rule on assists only.
	AssistPercent float64
}

// Watch remembers what a process's collector did, as far as the rules look back.
// It is not safe for concurrent use.
type Watch struct {
	states []*state
	now    uint64 // the latest time that was seen
}

// New watches by rules that are valid.
func New(rules []Rule) *Watch {
	w := &Watch{}
	for _, rule := range rules {
		w.states = append(w.states, &state{rule: rule})
	}
	return w
}

// Pause adds a stop of the world, and returns what rules it breaks.
func (w *Watch) Pause(start, end uint64, reason string) []Breach {
	return w.add(ByPause, moment{start: start, at: end, reason: reason})
}

// Cycle adds a collection that has ended at a time.
func (w *Watch) Cycle(end uint64) []Breach {
	return w.add(ByCycles, moment{start: end, at: end})
}

// Span adds a span that has ended at a time: its duration, and how much of it went
// to assists, both in nanoseconds.
func (w *Watch) Span(end, duration, assist uint64) []Breach {
	return w.add(ByAssist, moment{start: end, at: end, duration: duration, assist: assist, spans: 1})
}

func (w *Watch) add(kind string, m moment) []Breach {
	w.now = max(w.now, m.at)
	var breaches []Breach
	for _, s := range w.states {
		if s.rule.Kind() != kind || !s.counts(m) {
			continue
		}
		s.add(m)
		s.forget(w.now)
		if b, broken := s.look(w.now); broken && !s.quiet(w.now) {
			s.told = w.now
			breaches = append(breaches, b)
		}
	}
	return breaches
}

// moment is something that counts for a rule, or several spans together.
type moment struct {
	start, at        uint64
	reason           string
	duration, assist uint64
	spans            int
}

// state is what one rule remembers: the moments within its time, the oldest first.
type state struct {
	rule    Rule
	moments []moment
	told    uint64 // when it was told last, 0: never
}

func (s *state) counts(m moment) bool {
	return s.rule.Kind() != ByPause || m.at-m.start > uint64(s.rule.PauseOver)
}

// spanGrain is into how many parts the time of a rule on assists is cut: spans
// of one part are remembered together.
const spanGrain = 20

func (s *state) add(m moment) {
	if n := len(s.moments); m.spans > 0 && n > 0 {
		last := &s.moments[n-1]
		if m.at < last.start+uint64(s.rule.Within)/spanGrain {
			last.at = max(last.at, m.at)
			last.duration += m.duration
			last.assist += m.assist
			last.spans++
			return
		}
	}
	if len(s.moments) == MaxCount {
		s.moments = slices.Delete(s.moments, 0, 1)
	}
	s.moments = append(s.moments, m)
}

// forget drops what is older than the rule looks back: records come nearly, not
// strictly, in the order of their ends.
func (s *state) forget(now uint64) {
	s.moments = slices.DeleteFunc(s.moments, func(m moment) bool { return m.at+uint64(s.rule.Within) < now })
}

// quiet: after a condition was told, its time passes before it is told again.
func (s *state) quiet(now uint64) bool {
	return s.told != 0 && now < s.told+uint64(s.rule.Within)
}

func (s *state) look(now uint64) (Breach, bool) {
	b := Breach{Rule: s.rule, Start: now, End: now}
	var duration, assist uint64
	for _, m := range s.moments {
		b.Start = min(b.Start, m.start)
		if length := time.Duration(m.at - m.start); s.rule.Kind() == ByPause && length > b.Worst {
			b.Worst, b.Reason = length, m.reason
		}
		duration, assist = duration+m.duration, assist+m.assist
		b.Count += max(1, m.spans)
	}
	switch s.rule.Kind() {
	case ByPause:
		return b, b.Count >= s.rule.Times
	case ByCycles:
		return b, b.Count >= s.rule.Cycles
	default:
		if duration > 0 {
			b.AssistPercent = 100 * float64(assist) / float64(duration)
		}
		// Few spans say little: assists took at least a hundredth of the time.
		return b, b.AssistPercent >= s.rule.AssistPercent && assist >= uint64(s.rule.Within)/100
	}
}
