// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/evidence"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
)

// Status is that of an alert.
type Status uint8

const (
	// Inactive: there is nothing to tell.
	Inactive Status = iota
	// Pending: the tier burns, but not for as long yet as it must.
	Pending
	// Firing: the alert is to be told.
	Firing
	// Resolved: the alert fired, and its end is to be told.
	Resolved
)

// String is the name of the status.
func (s Status) String() string {
	return [...]string{"inactive", "pending", "firing", "resolved"}[s]
}

const (
	// BudgetTier is the tier of the alert that no budget is left.
	BudgetTier = "budget"
	// told is for how long the end of an alert is told.
	told = int64(5 * time.Minute)
	// shown is how many exemplars an alert has at most.
	shown = 5
)

// alert is what is remembered of an alert of a tier.
type alert struct {
	status Status
	// since is when it began to be pending or to fire, ended when it resolved.
	since, ended int64
	// undefined says that a window had no event when last looked at, so that the
	// alert stays as it is; held is the guard that held it back.
	undefined bool
	held      burn.Held
	// cause and exemplars are of when it began to fire.
	cause     string
	exemplars []evidence.Exemplar
}

// Alert is an alert as it is told. Objective, Values, Severity and Tier are its identity.
type Alert struct {
	Objective *objective.Resolved
	// Values are those of the attributes that the objective groups by, of the group of
	// all others none.
	Values   []string
	Overflow bool
	Severity burn.Severity
	Tier     string

	Status Status
	// StartsAt is when it began to be pending or to fire, EndsAt when it resolved, 0 before.
	StartsAt, EndsAt int64
	// Undefined says that one of the windows has no event, so that the alert stays as it is.
	Undefined bool
	// Held is the guard that holds it back although both windows burn.
	Held burn.Held
	// Factor is what both burn rates must exceed; 0 in the alert that no budget is left.
	Factor float64
	Rates  burn.Rates
	Budget Remaining
	// Cause says what ledgers tell of the reason, Exemplars are traces of bad events,
	// both as of when it began to fire.
	Cause     string
	Exemplars []evidence.Exemplar
}

// step lets the alert follow a condition. It reports whether anything is to be told.
func (a *alert) step(now int64, condition burn.Condition, pending time.Duration, held burn.Held) bool {
	a.undefined, a.held = condition == burn.Undefined, burn.HeldByNone
	if a.status == Resolved && now-a.ended > told {
		a.reset()
	}
	switch condition {
	case burn.Burning:
		return a.burn(now, pending, held)
	case burn.Calm:
		return a.calm(now)
	}
	return false
}

func (a *alert) burn(now int64, pending time.Duration, held burn.Held) bool {
	if a.status == Firing {
		return false
	}
	if a.held = held; held != burn.HeldByNone {
		if a.status == Pending {
			a.reset()
		}
		return false
	}
	if a.status != Pending {
		*a = alert{status: Pending, since: now}
	}
	if now-a.since < int64(pending) {
		return false
	}
	a.status, a.since = Firing, now
	return true
}

func (a *alert) calm(now int64) bool {
	switch a.status {
	case Pending:
		a.reset()
	case Firing:
		a.status, a.ended = Resolved, now
		return true
	}
	return false
}

func (a *alert) reset() { *a = alert{undefined: a.undefined, held: a.held} }
