// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"time"
	_ "time/tzdata" // the agent's image has no zones

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// DefaultMaxGroups is how many groups an objective has at most if it does not say:
// with 39 KiB each, 40 MB.
const DefaultMaxGroups = 1000

// Resolved is an objective that is valid, with all that was left out.
type Resolved struct {
	*Objective
	// Path is where the objective is written: objectives[2], or its file and name.
	Path string
	// Share is the target as a share of all events.
	Share float64
	// Period is how long the budget's period is, Calendar its calendar, nil if it rolls.
	Period   time.Duration
	Calendar *window.Calendar
	Tiers    []burn.Tier
	Guards   burn.Guards
	// Plan has the windows of the tiers, and the period if it rolls.
	Plan *window.Plan
	// Parts are the objectives of a composite one, by where they are among all.
	Parts   []ResolvedPart
	Outages []Outage
	Epoch   string
}

// ResolvedPart is a part of a composite objective.
type ResolvedPart struct {
	Index  int
	Weight float64
}

// Excludes says whether what happens at t does not count.
func (r *Resolved) Excludes(t int64) bool {
	for i := range r.Outages {
		if r.Outages[i].Excludes(t) {
			return true
		}
	}
	return false
}

// problems collects what is wrong with an objective.
type problems struct {
	path string
	errs []error
}

func (p *problems) add(key, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s.%s: "+format, append([]any{p.path, key}, args...)...))
}

// keyed matches an error that begins with a key.
var keyed = regexp.MustCompile(`^[a-z_]+: `)

// join adds the errors in err, each with the key before its own.
func (p *problems) join(key string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			p.join(key, one)
		}
		return
	}
	switch {
	case err == nil:
	case keyed.MatchString(err.Error()):
		p.errs = append(p.errs, fmt.Errorf("%s.%s.%w", p.path, key, err))
	default:
		p.add(key, "%w", err)
	}
}

// Resolve resolves objectives, or says all that is wrong with them, each with its key:
// objectives[2].indicator.spans.slower_than, or with its file for one of OpenSLO.
func Resolve(objectives []Objective) ([]Resolved, error) {
	resolved := make([]Resolved, len(objectives))
	names := map[string]int{}
	var errs []error
	for i := range objectives {
		p := &problems{path: pathOf(objectives, i)}
		resolved[i] = objectives[i].resolve(p)
		if first, twice := names[objectives[i].Name]; twice && objectives[i].Name != "" {
			p.add("name", "%q is that of %s too; give each its own", objectives[i].Name, pathOf(objectives, first))
		} else {
			names[objectives[i].Name] = i
		}
		errs = append(errs, p.errs...)
	}
	for i := range objectives {
		p := &problems{path: pathOf(objectives, i)}
		resolved[i].Parts = resolveParts(p, objectives, i, names)
		errs = append(errs, p.errs...)
	}
	return resolved, errors.Join(errs...)
}

func pathOf(objectives []Objective, i int) string {
	if source := objectives[i].source; source != "" {
		return fmt.Sprintf("%s: %s", source, objectives[i].Name)
	}
	return fmt.Sprintf("objectives[%d]", i)
}

func (o *Objective) resolve(p *problems) Resolved {
	if o.Name == "" {
		p.add("name", "is missing; alerts and series are named by it")
	}
	r := Resolved{Objective: o, Path: p.path, Epoch: o.Epoch()}
	r.Share = share(p, "target", o.Target)
	o.Indicator.check(p, o)
	o.checkSlices(p)
	o.checkGroups(p)
	if o.Window == (Window{}) {
		o.Window = Window{Rolling: 30 * day}
	}
	r.Period = o.Window.Period()
	o.resolveWindow(p, &r)
	if r.Share > 0 && r.Period > 0 {
		o.resolvePolicy(p, &r)
	}
	for i, m := range o.Maintenance {
		outage, err := m.resolve()
		p.join(fmt.Sprintf("maintenance[%d]", i), err)
		r.Outages = append(r.Outages, outage)
	}
	if o.BudgetSpent != nil {
		o.BudgetSpent.check(p)
	}
	return r
}

// share makes a share of a target in percent, 0 if it is none.
func share(p *problems, key string, percent float64) float64 {
	switch {
	case !(percent > 0): // NaN too
		p.add(key, "%v allows that everything is bad; use a share in percent such as 99.9", percent)
		return 0
	case percent >= 100:
		p.add(key, "%v leaves no budget that could burn; use a share in percent such as 99.9", percent)
		return 0
	}
	// The decimal fraction that is meant: 99.9/100 is not 0.999.
	return math.Round(percent*1e10) / 1e12
}

func (o *Objective) resolveWindow(p *problems, r *Resolved) {
	zone, err := time.LoadLocation(o.TimeZone)
	if err != nil {
		p.add("time_zone", "%q is no time zone; write Europe/Berlin", o.TimeZone)
		return
	}
	if o.Window.Rolling > 0 {
		if o.TimeZone != "" {
			p.add("time_zone", "is for a window of a calendar (day, week, month, quarter, year), and %s rolls; leave it out", o.Window)
		}
		if _, err := window.NewPlan(o.Window.Rolling); err != nil {
			p.join("window", err)
		}
	}
	r.Calendar, err = o.Window.calendar(zone)
	p.join("window", err)
}

func (o *Objective) checkSlices(p *problems) {
	if o.Slices == nil {
		return
	}
	share(p, "slices.target", o.Slices.Target)
	if l := time.Duration(o.Slices.Length); l < window.Shortest || l > time.Hour || time.Hour%l != 0 {
		p.add("slices.length", "%s is not within 10s and 1h or does not divide an hour; use 1m", o.Slices.Length)
	}
	if o.Indicator.Composite != nil {
		p.add("slices", "are of the parts of a composite objective; leave them out")
	}
}

func (o *Objective) checkGroups(p *problems) {
	seen := map[string]bool{}
	for i, attribute := range o.GroupBy {
		switch {
		case attribute == "":
			p.add(fmt.Sprintf("group_by[%d]", i), "is empty; name an attribute")
		case seen[attribute]:
			p.add(fmt.Sprintf("group_by[%d]", i), "%q is there twice", attribute)
		}
		seen[attribute] = true
	}
	if o.MaxGroups < 0 {
		p.add("max_groups", "%d is negative", o.MaxGroups)
	}
	if o.MaxGroups == 0 {
		o.MaxGroups = DefaultMaxGroups
	}
	if o.Indicator.Composite != nil && len(o.GroupBy) > 0 {
		p.add("group_by", "a composite objective has one budget; leave it out")
	}
}

func (b *BudgetSpent) check(p *problems) {
	if b.Severity == "" {
		b.Severity = string(burn.Ticket)
	}
	if s := burn.Severity(b.Severity); s != burn.Page && s != burn.Ticket {
		p.add("budget_spent.severity", "%q is neither page nor ticket", b.Severity)
	}
	if b.Message == "" {
		p.add("budget_spent.message", "is missing; say what is to be done when the budget is spent")
	}
}
