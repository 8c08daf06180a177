// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"fmt"
	"math"
)

// check says what is wrong with the indicator.
func (i *Indicator) check(p *problems, o *Objective) {
	kinds := 0
	for _, set := range []bool{i.Spans != nil, i.Logs != nil, i.Metrics != nil, i.Composite != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		p.add("indicator", "has %d of spans, logs, metrics and composite; set one", kinds)
	}
	if i.Spans != nil {
		i.Spans.check(p)
	}
	if i.Logs != nil && i.Logs.Bad == "" {
		p.add("indicator.logs.bad", "is missing; write the OTTL condition of a bad record")
	}
	if i.Metrics != nil {
		i.Metrics.check(p)
	}
	if i.Composite != nil && o.Service != "" {
		p.add("service", "is that of the parts of a composite objective; leave it out")
	}
}

func (s *Spans) check(p *problems) {
	if s.Bad == "" && s.SlowerThan == 0 {
		p.add("indicator.spans", "says of no span that it is bad; set bad, slower_than, or both")
	}
	if s.SlowerThan < 0 {
		p.add("indicator.spans.slower_than", "%s is negative; use a duration such as 300ms", s.SlowerThan)
	}
}

func (m *Metrics) check(p *problems) {
	if m.Match == "" {
		p.add("indicator.metrics.match", "is missing; name a metric, as in metric.name == \"queue.depth\"")
	}
	if (m.Above == nil) == (m.Below == nil) {
		p.add("indicator.metrics", "needs one of above and below")
	}
	checkThreshold(p, "indicator.metrics.above", m.Above)
	checkThreshold(p, "indicator.metrics.below", m.Below)
}

func checkThreshold(p *problems, key string, value *float64) {
	if value != nil && (math.IsNaN(*value) || math.IsInf(*value, 0)) {
		p.add(key, "%v is no value to compare with", *value)
	}
}

// resolveParts finds the objectives of a composite one.
func resolveParts(p *problems, objectives []Objective, self int, names map[string]int) []ResolvedPart {
	var parts []ResolvedPart
	seen := map[int]bool{}
	for i, part := range objectives[self].Indicator.Composite {
		key := fmt.Sprintf("indicator.composite[%d]", i)
		if !(part.Weight > 0) || math.IsInf(part.Weight, 0) {
			p.add(key+".weight", "%v is not above 0", part.Weight)
		}
		index, found := names[part.Objective]
		switch {
		case !found || part.Objective == "":
			p.add(key+".objective", "there is no objective %q", part.Objective)
			continue
		case objectives[index].Indicator.Composite != nil:
			p.add(key+".objective", "%q is composite itself; name its parts", part.Objective)
		case len(objectives[index].GroupBy) > 0:
			p.add(key+".objective", "%q has a budget for each group; name one without group_by", part.Objective)
		case seen[index]:
			p.add(key+".objective", "%q is there twice", part.Objective)
		case objectives[index].Window != objectives[self].Window || objectives[index].TimeZone != objectives[self].TimeZone:
			p.add(key+".objective", "%q has another window (%s) than the composite objective (%s)", part.Objective, objectives[index].Window, objectives[self].Window)
		}
		seen[index] = true
		parts = append(parts, ResolvedPart{index, part.Weight})
	}
	return parts
}
