// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// plain is the scenario without a cause of slowness.
const plain = "ok"

// scenario is one kind of request and how often it is chosen.
type scenario struct {
	name   string
	weight int
}

// parseScenarios reads NAME=WEIGHT, comma separated.
func parseScenarios(list string) ([]scenario, error) {
	var scenarios []scenario
	var errs []error
	for entry := range strings.SplitSeq(list, ",") {
		name, text, found := strings.Cut(entry, "=")
		weight, err := strconv.Atoi(text)
		if !found || err != nil || weight < 0 || name == "" {
			errs = append(errs, fmt.Errorf("%q: write NAME=WEIGHT with a weight of 0 or more", entry))
			continue
		}
		if weight > 0 {
			scenarios = append(scenarios, scenario{name, weight})
		}
	}
	if len(errs) == 0 && len(scenarios) == 0 {
		errs = append(errs, errors.New("no scenario has a weight"))
	}
	return scenarios, errors.Join(errs...)
}

// choose picks a scenario by weight.
func choose(scenarios []scenario, random *rand.Rand) scenario {
	total := 0
	for _, s := range scenarios {
		total += s.weight
	}
	n := random.IntN(total)
	for _, s := range scenarios {
		if n -= s.weight; n < 0 {
			return s
		}
	}
	return scenarios[len(scenarios)-1]
}

// query asks checkout for the scenario.
func (s scenario) query(slow time.Duration) url.Values {
	if s.name == plain {
		return url.Values{}
	}
	name, at, found := strings.Cut(s.name, "@")
	if !found {
		at = "checkout"
	}
	return url.Values{"cause": {name}, "at": {at}, "ms": {strconv.FormatInt(slow.Milliseconds(), 10)}}
}
