// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"fmt"
	"time"
)

// Unit is what a calendar's periods are made of.
type Unit uint8

// The units of a calendar.
const (
	Day Unit = iota
	Week
	Month
	Quarter
	Year
)

var unitNames = [...]string{"day", "week", "month", "quarter", "year"}

// String is the name of the unit.
func (u Unit) String() string { return unitNames[u] }

// ParseUnit is the unit of that name.
func ParseUnit(name string) (Unit, error) {
	for i, n := range unitNames {
		if n == name {
			return Unit(i), nil
		}
	}
	return 0, fmt.Errorf("%q is no unit of a calendar; use day, week, month, quarter or year", name)
}

// months and days are what the unit is in one of the two.
func (u Unit) months() int { return [...]int{0, 0, 1, 3, 12}[u] }
func (u Unit) days() int   { return [...]int{1, 7, 0, 0, 0}[u] }

// Calendar has periods that follow each other without a gap, each of so many units.
// They begin at the local time of the anchor, in its time zone, so that the one in
// which clocks change is an hour longer or shorter. A period whose day its month
// does not have begins on the last day of that month.
type Calendar struct {
	unit   Unit
	every  int
	anchor time.Time
}

// NewCalendar makes a calendar in which a period begins at the anchor.
func NewCalendar(unit Unit, every int, anchor time.Time) (*Calendar, error) {
	if every < 1 || every > 1000 {
		return nil, fmt.Errorf("a period of %d units is not within 1 and 1000", every)
	}
	return &Calendar{unit, every, anchor}, nil
}

// Natural is the calendar of single units in the time zone: days from midnight,
// weeks from Monday, quarters from January.
func Natural(unit Unit, zone *time.Location) *Calendar {
	day := 1
	if unit == Week {
		day = 3 // a Monday
	}
	return &Calendar{unit, 1, time.Date(2000, time.January, day, 0, 0, 0, 0, zone)}
}

// Bounds are the first moment of the period that t is in and of the next.
func (c *Calendar) Bounds(t int64) (begin, end int64) {
	k := c.guess(time.Unix(0, t).In(c.anchor.Location()))
	for c.start(k) > t {
		k--
	}
	for c.start(k+1) <= t {
		k++
	}
	return c.start(k), c.start(k + 1)
}

// guess is about which period, counted from the anchor's, the local time is in.
func (c *Calendar) guess(local time.Time) int {
	if months := c.unit.months(); months > 0 {
		return ((local.Year()-c.anchor.Year())*12 + int(local.Month()-c.anchor.Month())) / (months * c.every)
	}
	return int(local.Sub(c.anchor).Hours()/24) / (c.unit.days() * c.every)
}

// start is when the period k begins.
func (c *Calendar) start(k int) int64 {
	year, month, day := c.anchor.Date()
	hour, minute, second := c.anchor.Clock()
	if months := c.unit.months(); months > 0 {
		month += time.Month(k * c.every * months)
		// Day 0 of the next month is the last of this.
		day = min(day, time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day())
	} else {
		day += k * c.every * c.unit.days()
	}
	return time.Date(year, month, day, hour, minute, second, 0, c.anchor.Location()).UnixNano()
}

// Period counts the calendar's period that is running, and what comes late of the one
// before.
type Period struct {
	calendar *Calendar
	// Begin and End are the bounds of the running period.
	Begin, End int64
	// Running has the events of the running period, Previous those of the one before.
	Running, Previous Count
	previous          int64 // its begin
}

// NewPeriod makes a period with no event.
func NewPeriod(calendar *Calendar, now int64) *Period {
	p := &Period{calendar: calendar}
	p.enter(now)
	return p
}

func (p *Period) enter(now int64) {
	p.Begin, p.End = p.calendar.Bounds(now)
	p.previous, _ = p.calendar.Bounds(p.Begin - 1)
}

// Add counts events of time t, which is not after now.
func (p *Period) Add(t int64, n Count) Placement {
	switch {
	case t >= p.Begin:
		p.Running = p.Running.Plus(n)
		return Current
	case t >= p.previous:
		p.Previous = p.Previous.Plus(n)
		return Late
	}
	return Old
}

// Correct changes events that were counted before.
func (p *Period) Correct(t int64, from, to Count) Placement { return p.Add(t, to.minus(from)) }

// Advance lets time pass.
func (p *Period) Advance(now int64) {
	if now < p.End {
		return
	}
	ended := p.Begin
	last := p.Running
	p.enter(now)
	p.Running, p.Previous = Count{}, Count{}
	if p.previous == ended {
		p.Previous = last
	}
}
