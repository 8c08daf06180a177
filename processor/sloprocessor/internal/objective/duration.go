// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// Duration is a duration that may be written in weeks and days too: 4w, 30d, 1d12h.
type Duration time.Duration

const day = 24 * time.Hour

// days matches the weeks and days in front of what time.ParseDuration reads.
var days = regexp.MustCompile(`^(?:(\d{1,4})w)?(?:(\d{1,5})d)?`)

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	match := days.FindStringSubmatch(string(text))
	weeks, _ := strconv.Atoi("0" + match[1]) // matched as digits
	dayCount, _ := strconv.Atoi("0" + match[2])
	whole := time.Duration(7*weeks+dayCount) * day
	rest := strings.TrimPrefix(string(text), match[0])
	if rest == "" && match[0] != "" {
		*d = Duration(whole)
		return nil
	}
	parsed, err := time.ParseDuration(rest)
	if err != nil {
		return fmt.Errorf("%q is no duration; write 300ms, 1h, 30d or 4w", text)
	}
	*d = Duration(whole + parsed)
	return nil
}

// MarshalText writes the duration as Prometheus does where it is of whole seconds.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is the duration as it is written.
func (d Duration) String() string {
	if d > 0 && time.Duration(d)%time.Second == 0 {
		return burn.Name(time.Duration(d))
	}
	return time.Duration(d).String()
}

// Window is the period of a budget: rolling, or of a calendar.
type Window struct {
	// Rolling is how long a rolling period is, 0 for one of a calendar.
	Rolling time.Duration
	// Unit and Every are the calendar's, Anchor when one of its periods began as local
	// time without a zone, empty for the calendar's natural beginning.
	Unit   window.Unit
	Every  int
	Anchor string
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *Window) UnmarshalText(text []byte) error {
	if unit, err := window.ParseUnit(string(text)); err == nil {
		*w = Window{Unit: unit, Every: 1}
		return nil
	}
	var d Duration
	if err := d.UnmarshalText(text); err != nil || d <= 0 {
		return fmt.Errorf("%q is no window; write a duration such as 30d, or day, week, month, quarter or year", text)
	}
	*w = Window{Rolling: time.Duration(d)}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// String is the window as it is written.
func (w Window) String() string {
	switch {
	case w.Rolling > 0:
		return Duration(w.Rolling).String()
	case w.Every > 1:
		return fmt.Sprintf("%d %ss", w.Every, w.Unit)
	case w.Every == 1:
		return w.Unit.String()
	}
	return ""
}

// Period is how long the period is, of a calendar's how long it is by agreement: a
// month has 30 days, a quarter 91, a year 365.
func (w Window) Period() time.Duration {
	if w.Rolling > 0 {
		return w.Rolling
	}
	return time.Duration(w.Every) * day * time.Duration([...]int{1, 7, 30, 91, 365}[w.Unit])
}

// anchorLayout is how OpenSLO writes when a calendar began.
const anchorLayout = "2006-01-02 15:04:05"

// calendar is that of the window in the zone, nil for a rolling one.
func (w Window) calendar(zone *time.Location) (*window.Calendar, error) {
	if w.Rolling > 0 {
		return nil, nil
	}
	if w.Anchor == "" {
		return window.Natural(w.Unit, zone), nil
	}
	anchor, err := time.ParseInLocation(anchorLayout, w.Anchor, zone)
	if err != nil {
		return nil, fmt.Errorf("%q is no time such as 2026-01-31 12:00:00", w.Anchor)
	}
	return window.NewCalendar(w.Unit, w.Every, anchor)
}
