// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
)

// attributeService is the resource attribute that an objective's service is compared with.
const attributeService = "service.name"

type condition = ottl.Condition[*ottlspan.TransformContext]

// rule is an objective's indicator.
type rule struct {
	objective  int
	match, bad *condition // nil: every span matches, none is bad by it
	slowerThan time.Duration
	groupBy    []string
}

// Spans judges spans. It may be used by several goroutines.
type Spans struct {
	byService map[string][]rule // with those of objectives for every service
	every     []rule
}

// NewSpans compiles the conditions of the objectives that are about spans. It says all
// that is wrong with them, each with its key.
func NewSpans(objectives []objective.Resolved, settings component.TelemetrySettings) (*Spans, error) {
	functions := ottlfuncs.StandardConverters[*ottlspan.TransformContext]()
	root := ottlfuncs.NewIsRootSpanFactoryNew()
	functions[root.Name()] = root
	parser, err := ottlspan.NewParser(functions, settings)
	if err != nil {
		return nil, fmt.Errorf("make a parser of OTTL: %w", err)
	}
	s := &Spans{byService: map[string][]rule{}}
	var errs []error
	for i := range objectives {
		o := &objectives[i]
		if o.Indicator.Spans == nil {
			continue
		}
		compile := func(key, text string) *condition {
			if text == "" {
				return nil
			}
			compiled, err := parser.ParseCondition(text)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s.indicator.spans.%s: %w", o.Path, key, err))
			}
			return compiled
		}
		s.add(o.Service, rule{
			objective: i, groupBy: o.GroupBy, slowerThan: time.Duration(o.Indicator.Spans.SlowerThan),
			match: compile("match", o.Indicator.Spans.Match), bad: compile("bad", o.Indicator.Spans.Bad),
		})
	}
	return s, errors.Join(errs...)
}

// add adds a rule of a service, or of every service.
func (s *Spans) add(service string, r rule) {
	if service == "" {
		s.every = append(s.every, r)
		for name := range s.byService {
			s.byService[name] = append(s.byService[name], r)
		}
		return
	}
	if _, known := s.byService[service]; !known {
		s.byService[service] = append([]rule(nil), s.every...)
	}
	s.byService[service] = append(s.byService[service], r)
}

// Verdict is that a span counts against an objective.
type Verdict struct {
	Objective int
	Bad       bool
	// Values are those of the attributes that the objective groups by, empty where
	// neither the span nor its resource has one.
	Values []string
}

// Service is what counts spans of one resource.
type Service struct{ rules []rule }

// Of are the rules for spans of the resource.
func (s *Spans) Of(resource pcommon.Resource) Service {
	if name, has := resource.Attributes().Get(attributeService); has {
		if rules, known := s.byService[name.AsString()]; known {
			return Service{rules}
		}
	}
	return Service{s.every}
}

// Judge appends the verdicts on the span, and returns how many conditions could not be
// evaluated: those neither match nor make bad.
func (s Service) Judge(ctx context.Context, resource ptrace.ResourceSpans, scope ptrace.ScopeSpans, span ptrace.Span, verdicts []Verdict) ([]Verdict, int) {
	if len(s.rules) == 0 {
		return verdicts, 0
	}
	tc := ottlspan.NewTransformContextPtr(resource, scope, span)
	defer tc.Close()
	failed := 0
	holds := func(c *condition) bool {
		held, err := c.Eval(ctx, tc)
		if err != nil {
			failed++
		}
		return err == nil && held
	}
	for i := range s.rules {
		r := &s.rules[i]
		if r.match != nil && !holds(r.match) {
			continue
		}
		verdicts = append(verdicts, Verdict{
			Objective: r.objective,
			Bad:       r.slowerThan > 0 && Duration(span) > r.slowerThan || r.bad != nil && holds(r.bad),
			Values:    valuesOf(r.groupBy, resource.Resource(), span),
		})
	}
	return verdicts, failed
}

// Duration is how long the span took, 0 if it ended before it began.
func Duration(span ptrace.Span) time.Duration {
	return time.Duration(max(0, int64(span.EndTimestamp())-int64(span.StartTimestamp())))
}

func valuesOf(attributes []string, resource pcommon.Resource, span ptrace.Span) []string {
	if len(attributes) == 0 {
		return nil
	}
	values := make([]string, len(attributes))
	for i, name := range attributes {
		value, has := span.Attributes().Get(name)
		if !has {
			value, has = resource.Attributes().Get(name)
		}
		if has {
			values[i] = value.AsString()
		}
	}
	return values
}
