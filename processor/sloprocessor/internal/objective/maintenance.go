// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"errors"
	"fmt"
	"time"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// Outage is a planned time whose events do not count.
type Outage struct {
	from, to int64
	calendar *window.Calendar
	length   int64
}

// Excludes says whether t is within the outage.
func (o Outage) Excludes(t int64) bool {
	if o.calendar == nil {
		return t >= o.from && t < o.to
	}
	begin, _ := o.calendar.Bounds(t)
	return t < begin+o.length
}

var weekdays = map[string]time.Weekday{
	"sunday": time.Sunday, "monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday,
	"thursday": time.Thursday, "friday": time.Friday, "saturday": time.Saturday,
}

// resolve makes the outage of a maintenance.
func (m Maintenance) resolve() (Outage, error) {
	once := m.From != "" || m.To != ""
	repeated := m.Every != "" || m.At != "" || m.For != 0 || m.TimeZone != ""
	switch {
	case once && repeated:
		return Outage{}, errors.New("has both from and to and what is for repeated ones (every, at, for, time_zone); leave out the one or the other")
	case repeated:
		return m.repeated()
	}
	from, fromErr := moment("from", m.From)
	to, toErr := moment("to", m.To)
	if err := errors.Join(fromErr, toErr); err != nil {
		return Outage{}, err
	}
	if to <= from {
		return Outage{}, fmt.Errorf("to: %s is not after from (%s)", m.To, m.From)
	}
	return Outage{from: from, to: to}, nil
}

func moment(key, text string) (int64, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no time; write 2026-03-01T02:00:00Z", key, text)
	}
	return t.UnixNano(), nil
}

func (m Maintenance) repeated() (Outage, error) {
	var errs []error
	unit, first := window.Day, 1
	if m.Every != "day" {
		weekday, known := weekdays[m.Every]
		if !known {
			errs = append(errs, fmt.Errorf("every: %q is neither day nor a day of the week such as sunday", m.Every))
		}
		unit, first = window.Week, 2+int(weekday) // 2 January 2000 was a Sunday
	}
	at, err := time.Parse("15:04", m.At)
	if err != nil {
		errs = append(errs, fmt.Errorf("at: %q is no time of day; write 02:00", m.At))
	}
	limit := map[window.Unit]time.Duration{window.Day: day, window.Week: 7 * day}[unit]
	if m.For <= 0 || time.Duration(m.For) >= limit {
		errs = append(errs, fmt.Errorf("for: %s is not within 0s and %s", m.For, Duration(limit)))
	}
	zone, err := time.LoadLocation(m.TimeZone)
	if err != nil {
		errs = append(errs, fmt.Errorf("time_zone: %q is no time zone; write Europe/Berlin", m.TimeZone))
	}
	if err := errors.Join(errs...); err != nil {
		return Outage{}, err
	}
	anchor := time.Date(2000, time.January, first, at.Hour(), at.Minute(), 0, 0, zone)
	calendar, err := window.NewCalendar(unit, 1, anchor)
	return Outage{calendar: calendar, length: int64(m.For)}, err
}
