// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"time"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/gcwatch"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// GCConfig says what is told of garbage collectors beside their cycles and stops.
type GCConfig struct {
	// Conditions that are told when they hold.
	Conditions []GCConditionConfig `mapstructure:"conditions"`
}

// GCConditionConfig is a condition on what a process's collector does within a
// time: one of PauseOver, Cycles and AssistPercent is set.
type GCConditionConfig struct {
	// PauseOver is what at least Times stops of the world must have been longer than.
	PauseOver time.Duration `mapstructure:"pause_over"`
	Times     int           `mapstructure:"times"`
	// Cycles is how many collections there must have been at least.
	Cycles int `mapstructure:"cycles"`
	// AssistPercent is what part of their time spans must have spent on assists.
	AssistPercent float64       `mapstructure:"assist_percent"`
	Within        time.Duration `mapstructure:"within"`
}

func (c GCConfig) rules() []gcwatch.Rule {
	rules := make([]gcwatch.Rule, len(c.Conditions))
	for i, condition := range c.Conditions {
		rules[i] = gcwatch.Rule(condition)
	}
	return rules
}

func (c GCConfig) check() []error {
	var errs []error
	for i, rule := range c.rules() {
		for _, err := range rule.Validate() {
			errs = append(errs, fmt.Errorf("gc.conditions[%d].%w", i, err))
		}
	}
	return errs
}

// gcConditions watches the collectors of all processes. It belongs to the
// goroutine that reads records.
type gcConditions struct {
	rules   []gcwatch.Rule
	watches map[*discover.Process]*gcwatch.Watch
}

func newGCConditions(rules []gcwatch.Rule) *gcConditions {
	return &gcConditions{rules: rules, watches: make(map[*discover.Process]*gcwatch.Watch)}
}

// see returns the conditions that hold with what a record tells.
func (c *gcConditions) see(p *discover.Process, r record.Record) []gcwatch.Breach {
	if len(c.rules) == 0 {
		return nil
	}
	switch r := r.(type) {
	case *record.Stop:
		w := c.watch(p)
		breaches := w.Pause(r.Start, r.End, r.Reason.String())
		if r.Reason == record.StopGCMarkTermination && !r.Marking {
			breaches = append(breaches, w.Cycle(r.End)...)
		}
		return breaches
	case *record.Request:
		return c.seeSpan(p, &r.Span)
	case *record.RPC:
		return c.seeSpan(p, &r.Span)
	case *record.Span:
		return c.seeSpan(p, r)
	case *record.SDKSpan:
		return c.seeSpan(p, &r.Span)
	default:
		return nil
	}
}

func (c *gcConditions) seeSpan(p *discover.Process, s *record.Span) []gcwatch.Breach {
	if _, has := s.Source(); !has {
		return nil
	}
	return c.watch(p).Span(s.End, s.Ledger.Total(), s.Ledger[ledger.GCAssist])
}

func (c *gcConditions) watch(p *discover.Process) *gcwatch.Watch {
	w, ok := c.watches[p]
	if !ok {
		w = gcwatch.New(c.rules)
		c.watches[p] = w
	}
	return w
}

// forget drops what is remembered of a process that has ended.
func (c *gcConditions) forget(p *discover.Process) { delete(c.watches, p) }
