// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

// summary is what loadgen prints.
type summary struct {
	// Requests that were sent and ended.
	Requests int `json:"requests"`
	// Missed requests were due but not sent: all slots were taken.
	Missed int `json:"missed"`
	// Scenarios by name, each with its requests by status.
	Scenarios map[string]map[string]int `json:"scenarios"`
}

func newSummary() *summary {
	return &summary{Scenarios: map[string]map[string]int{}}
}

func (s *summary) add(o outcome) {
	s.Requests++
	byStatus := s.Scenarios[o.Scenario]
	if byStatus == nil {
		byStatus = map[string]int{}
		s.Scenarios[o.Scenario] = byStatus
	}
	byStatus[o.Status]++
}
