// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"fmt"
	"time"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// resolvePolicy resolves the tiers, the guards and the windows of both.
func (o *Objective) resolvePolicy(p *problems, r *Resolved) {
	before := len(p.errs)
	r.Guards = o.Guards.resolve(p)
	r.Tiers = o.tiers(p, r.Period)
	var windows []time.Duration
	names := map[string]bool{}
	for i, tier := range r.Tiers {
		key := fmt.Sprintf("policy[%d]", i)
		err := tier.Check(r.Share, r.Period)
		if len(o.Policy) == 0 {
			key, err = "policy", within("the default tier "+tier.Name, err)
		}
		p.join(key, err)
		if names[tier.Name] {
			p.add(key+".name", "%q is there twice; alerts are told apart by it", tier.Name)
		}
		names[tier.Name] = true
		windows = append(windows, tier.Long, tier.Short)
	}
	if r.Calendar == nil {
		windows = append(windows, r.Period)
	}
	if len(p.errs) > before {
		return
	}
	var err error
	r.Plan, err = window.NewPlan(windows...)
	p.join("window", err)
}

// tiers are those of the policy, or the workbook's.
func (o *Objective) tiers(p *problems, period time.Duration) []burn.Tier {
	if len(o.Policy) == 0 {
		return burn.Default(period)
	}
	tiers := make([]burn.Tier, len(o.Policy))
	for i, tier := range o.Policy {
		tiers[i] = tier.resolve(p, fmt.Sprintf("policy[%d]", i), period)
	}
	return tiers
}

func (t Tier) resolve(p *problems, key string, period time.Duration) burn.Tier {
	tier := burn.Tier{
		Name: t.Name, Severity: burn.Severity(t.Severity), Factor: t.Factor, Budget: t.Budget / 100,
		Long: time.Duration(t.Long), Short: time.Duration(t.Short), For: time.Duration(t.For),
	}
	if tier.Short == 0 && tier.Long > 0 {
		tier.Short = burn.ShortOf(tier.Long)
	}
	if tier.Name == "" {
		tier.Name = burn.Name(tier.Long)
	}
	_, err := window.NewPlan(tier.Long)
	p.join(key+".long", err)
	if err == nil {
		_, err = window.NewPlan(tier.Short)
		p.join(key+".short", err)
	}
	switch {
	case (t.Budget != 0) == (t.Factor != 0):
		p.add(key, "needs one of budget (in percent) and factor")
		tier.Factor = 1 // said already
	case t.Budget != 0 && !(t.Budget > 0 && t.Budget <= 100):
		p.add(key+".budget", "%v is no share in percent above 0", t.Budget)
		tier.Factor = 1
	case t.Budget != 0 && tier.Long > 0:
		tier.Factor = burn.Factor(tier.Budget, period, tier.Long)
	default:
		tier.Budget = burn.Share(t.Factor, period, tier.Long)
	}
	return tier
}

func (g Guards) resolve(p *problems) burn.Guards {
	if !(g.MinBad >= 0) {
		p.add("guards.min_bad", "%v is negative", g.MinBad)
	}
	if !(g.Coverage >= 0 && g.Coverage <= 100) {
		p.add("guards.coverage", "%v is no share in percent; use 0 to do without", g.Coverage)
	}
	if !(g.Confidence >= 0 && g.Confidence < 100) {
		p.add("guards.confidence", "%v is no probability in percent below 100; use 95, or 0 to do without", g.Confidence)
	}
	return burn.Guards{
		MinBad: g.MinBad, BudgetShare: g.BudgetShare,
		Coverage: g.Coverage / 100, Confidence: g.Confidence / 100,
	}
}
