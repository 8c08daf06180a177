// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"testing"
	"time"
	_ "time/tzdata" // the tests name zones, and a machine may have none

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

func TestBounds(t *testing.T) {
	berlin, newYork, beirut := zone(t, "Europe/Berlin"), zone(t, "America/New_York"), zone(t, "Asia/Beirut")
	anchored := func(unit Unit, every int, anchor time.Time) *Calendar {
		c, err := NewCalendar(unit, every, anchor)
		require.NoError(t, err)
		return c
	}
	for _, test := range []struct {
		name     string
		calendar *Calendar
		at       string
		begin    string
		length   time.Duration
	}{
		{"a day of 23 hours", Natural(Day, berlin), "2026-03-29T10:00:00Z", "2026-03-29T00:00:00+01:00", 23 * time.Hour},
		{"a day of 25 hours", Natural(Day, newYork), "2026-11-01T12:00:00Z", "2026-11-01T00:00:00-04:00", 25 * time.Hour},
		{"a day without a midnight", Natural(Day, beirut), "2022-03-27T10:00:00Z", "2022-03-27T01:00:00+03:00", 23 * time.Hour},
		{"the last moment of a day", Natural(Day, berlin), "2026-03-28T22:59:59.999999999Z", "2026-03-28T00:00:00+01:00", 24 * time.Hour},
		{"its first", Natural(Day, berlin), "2026-03-28T23:00:00Z", "2026-03-29T00:00:00+01:00", 23 * time.Hour},
		{"a week from Monday", Natural(Week, berlin), "2026-03-29T21:00:00Z", "2026-03-23T00:00:00+01:00", 7*24*time.Hour - time.Hour},
		{"a month", Natural(Month, berlin), "2026-03-29T21:00:00Z", "2026-03-01T00:00:00+01:00", 31*24*time.Hour - time.Hour},
		{"a February", Natural(Month, time.UTC), "2028-02-29T21:00:00Z", "2028-02-01T00:00:00Z", 29 * 24 * time.Hour},
		{"a quarter", Natural(Quarter, time.UTC), "2026-06-30T21:00:00Z", "2026-04-01T00:00:00Z", 91 * 24 * time.Hour},
		{"a year before the anchor", Natural(Year, time.UTC), "1999-06-30T21:00:00Z", "1999-01-01T00:00:00Z", 365 * 24 * time.Hour},
		{"two weeks before the anchor", anchored(Week, 2, time.Date(2026, 1, 7, 9, 0, 0, 0, time.UTC)), "2026-01-07T08:59:59Z", "2025-12-24T09:00:00Z", 14 * 24 * time.Hour},
		{"months from the 31st", anchored(Month, 1, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)), "2026-03-01T00:00:00Z", "2026-02-28T12:00:00Z", 31 * 24 * time.Hour},
		{"and the next", anchored(Month, 1, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)), "2026-02-28T11:00:00Z", "2026-01-31T12:00:00Z", 28 * 24 * time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339Nano, test.at)
			require.NoError(t, err)
			begin, end := test.calendar.Bounds(at.UnixNano())
			want, err := time.Parse(time.RFC3339, test.begin)
			require.NoError(t, err)
			assert.Equal(t, want.UTC(), time.Unix(0, begin).UTC())
			assert.Equal(t, test.length, time.Duration(end-begin))
		})
	}
	_, err := NewCalendar(Month, 0, time.Now())
	assert.Error(t, err)
}

// TestPeriodsFollowEachOther walks through years of zones whose clocks change.
func TestPeriodsFollowEachOther(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"} {
		for unit := Day; unit <= Year; unit++ {
			calendar := Natural(unit, zone(t, name))
			at := time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
			_, end := calendar.Bounds(at)
			for range min(1200, 180*365/(unit.days()+unit.months()*28)) { // times in nanoseconds end in 2262
				begin, next := calendar.Bounds(end)
				require.Equal(t, end, begin, "%s of %s", unit, name)
				first, _ := calendar.Bounds(next - 1)
				require.Equal(t, begin, first, "%s of %s", unit, name)
				end = next
			}
		}
	}
}

func TestParseUnit(t *testing.T) {
	for unit := Day; unit <= Year; unit++ {
		parsed, err := ParseUnit(unit.String())
		require.NoError(t, err)
		assert.Equal(t, unit, parsed)
	}
	_, err := ParseUnit("fortnight")
	assert.EqualError(t, err, `"fortnight" is no unit of a calendar; use day, week, month, quarter or year`)
}

func TestPeriod(t *testing.T) {
	calendar := Natural(Day, zone(t, "Europe/Berlin"))
	now := time.Date(2026, 3, 29, 10, 0, 0, 0, time.UTC).UnixNano() // of a day of 23 hours
	day, one := int64(24*time.Hour), Count{One, One}
	p := NewPeriod(calendar, now)
	assert.Equal(t, Current, p.Add(now, one))
	assert.Equal(t, Late, p.Add(now-day, one))
	assert.Equal(t, Old, p.Add(now-3*day, one))
	assert.Equal(t, one, p.Running)
	assert.Equal(t, one, p.Previous)
	assert.Equal(t, Current, p.Correct(now, one, Count{Total: One}))
	assert.Equal(t, Count{Total: One}, p.Running)

	p.Advance(now + day)
	assert.Equal(t, Count{}, p.Running)
	assert.Equal(t, Count{Total: One}, p.Previous)
	p.Add(now+day, one)

	r := NewReader(p.Append(nil))
	again := r.Period(calendar, now+day)
	require.NoError(t, r.Err())
	assert.Equal(t, p, again)
	p.Advance(now + 3*day)
	assert.Equal(t, Count{}, p.Previous, "a day lies between")
}
