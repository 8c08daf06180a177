// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package burn

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// Severity is what an alert asks for.
type Severity string

const (
	// Page asks for somebody at once.
	Page Severity = "page"
	// Ticket asks for somebody on a working day.
	Ticket Severity = "ticket"
)

// Tier is a condition of a policy.
type Tier struct {
	// Name is that of the long window, unless it was given one.
	Name     string
	Severity Severity
	// Long and Short are the windows that must both burn.
	Long, Short time.Duration
	// Factor is the burn rate that both must exceed.
	Factor float64
	// Budget is the share of the period's budget that burns in the long window at
	// the factor.
	Budget float64
	// For is how long both must have burned before the tier fires.
	For time.Duration
}

const day = 24 * time.Hour

// workbook is table 5-8 of the workbook, with a second tier of tickets; the windows
// are for 30 days.
var workbook = []struct {
	severity    Severity
	long, short time.Duration
	budget      float64
}{
	{Page, time.Hour, 5 * time.Minute, 0.02},
	{Page, 6 * time.Hour, 30 * time.Minute, 0.05},
	{Ticket, day, 2 * time.Hour, 0.10},
	{Ticket, 3 * day, 6 * time.Hour, 0.10},
}

// scaledBelow is the period below which the windows shrink with it: with windows of
// up to three days, the factor of the last tier would be under 1 and it would fire on
// what can be sustained.
const scaledBelow = 28 * day

// Default is the workbook's policy of four tiers for the period. For a period of less
// than 28 days, the windows are those for 30 days shortened alike, and rounded to
// what is counted.
func Default(period time.Duration) []Tier {
	tiers := make([]Tier, 0, len(workbook))
	for _, row := range workbook {
		long, short := row.long, row.short
		if period < scaledBelow {
			scale := float64(period) / float64(30*day)
			long = window.Fit(time.Duration(float64(long) * scale))
			short = window.Fit(time.Duration(float64(short) * scale))
		}
		tiers = append(tiers, Tier{
			Name: Name(long), Severity: row.severity, Long: long, Short: short,
			Factor: Factor(row.budget, period, long), Budget: row.budget,
		})
	}
	return tiers
}

// Factor is the burn rate at which the share of the period's budget burns in the long window.
func Factor(budget float64, period, long time.Duration) float64 {
	return budget * float64(period) / float64(long)
}

// Share is the share of the period's budget that burns in the long window at the factor.
func Share(factor float64, period, long time.Duration) float64 {
	return factor * float64(long) / float64(period)
}

// ShortOf is the short window that belongs to a long one: a twelfth, as far as it is counted.
func ShortOf(long time.Duration) time.Duration { return window.Fit(long / 12) }

// Name writes a window as Prometheus writes durations: 5m, 1h, 3d, 1h30m.
func Name(d time.Duration) string {
	var name []byte
	for _, unit := range []struct {
		letter byte
		length time.Duration
	}{{'d', day}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}} {
		if n := d / unit.length; n > 0 {
			name = append(strconv.AppendInt(name, int64(n), 10), unit.letter)
			d -= n * unit.length
		}
	}
	return string(name)
}

// Check says what is wrong with the tier for the target and the period.
func (t Tier) Check(target float64, period time.Duration) error {
	var errs []error
	if t.Severity != Page && t.Severity != Ticket {
		errs = append(errs, fmt.Errorf("severity: %q is neither page nor ticket", t.Severity))
	}
	if t.Long > period {
		errs = append(errs, fmt.Errorf("long: %s is longer than the objective's window of %s", Name(t.Long), Name(period)))
	}
	if t.Short >= t.Long {
		errs = append(errs, fmt.Errorf("short: %s is not shorter than long (%s)", Name(t.Short), Name(t.Long)))
	}
	if !(t.Factor > 0) {
		errs = append(errs, fmt.Errorf("factor: %v is not above 0", t.Factor))
	}
	if t.For < 0 {
		errs = append(errs, fmt.Errorf("for: %s is negative", t.For))
	}
	if highest := 1 / Budget(target); t.Factor > highest {
		errs = append(errs, fmt.Errorf("can never fire: its factor is %.4g, and with all events bad a target of %.6g %% burns %.4g times as fast as sustainable; lower factor, budget or raise long", t.Factor, target*100, highest))
	}
	return errors.Join(errs...)
}
