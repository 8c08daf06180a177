// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"fmt"
	"strings"
	"time"
)

// Retention is where the rows of one signal's tables lie as they grow old, and
// when they go.
type Retention struct {
	// TTL is the age at which rows are dropped, in whole seconds; 0 keeps them.
	TTL time.Duration
	// Policy is the server's storage policy, its default one if empty.
	Policy string
	// Moves go to other volumes or disks of the policy, the youngest age first.
	Moves []Move
}

// Move takes rows to another place at an age.
type Move struct {
	// After is that age, in whole seconds.
	After time.Duration
	// Volume or Disk of the storage policy is the place; the other is empty.
	Volume, Disk string
}

// clause is the TTL clause of a table whose rows have that column as their
// time, or empty where they neither move nor go.
func (r Retention) clause(column string) string {
	var rules []string
	for _, move := range r.Moves {
		place := "DISK " + literal(move.Disk)
		if move.Volume != "" {
			place = "VOLUME " + literal(move.Volume)
		}
		rules = append(rules, at(column, move.After)+" TO "+place)
	}
	if r.TTL > 0 {
		rules = append(rules, at(column, r.TTL))
	}
	if len(rules) == 0 {
		return ""
	}
	return "TTL " + strings.Join(rules, ", ")
}

// at is the time at which a row has an age, in the largest unit that divides
// it: so that SHOW CREATE TABLE reads like the configuration.
func at(column string, age time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case age%day == 0:
		return fmt.Sprintf("%s + toIntervalDay(%d)", column, age/day)
	case age%time.Hour == 0:
		return fmt.Sprintf("%s + toIntervalHour(%d)", column, age/time.Hour)
	case age%time.Minute == 0:
		return fmt.Sprintf("%s + toIntervalMinute(%d)", column, age/time.Minute)
	default:
		return fmt.Sprintf("%s + toIntervalSecond(%d)", column, age/time.Second)
	}
}
