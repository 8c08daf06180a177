// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// sloSpec is the specification of an SLO.
type sloSpec struct {
	Description     string             `yaml:"description"`
	Service         string             `yaml:"service"`
	Indicator       *inlineSLI         `yaml:"indicator"`
	IndicatorRef    string             `yaml:"indicatorRef"`
	TimeWindow      []sloWindow        `yaml:"timeWindow"`
	BudgetingMethod string             `yaml:"budgetingMethod"`
	Objectives      []sloObjective     `yaml:"objectives"`
	AlertPolicies   []sloAlertPolicies `yaml:"alertPolicies"`
}

type inlineSLI struct {
	Metadata metadata  `yaml:"metadata"`
	Spec     yaml.Node `yaml:"spec"`
}

type sloWindow struct {
	Duration  string `yaml:"duration"`
	IsRolling bool   `yaml:"isRolling"`
	Calendar  *struct {
		StartTime string `yaml:"startTime"`
		TimeZone  string `yaml:"timeZone"`
	} `yaml:"calendar"`
}

type sloObjective struct {
	DisplayName     string     `yaml:"displayName"`
	Target          float64    `yaml:"target"`
	TargetPercent   float64    `yaml:"targetPercent"`
	TimeSliceTarget float64    `yaml:"timeSliceTarget"`
	TimeSliceWindow string     `yaml:"timeSliceWindow"`
	Op              string     `yaml:"op"`
	Value           *float64   `yaml:"value"`
	CompositeWeight float64    `yaml:"compositeWeight"`
	Indicator       *inlineSLI `yaml:"indicator"`
	IndicatorRef    string     `yaml:"indicatorRef"`
}

// slo maps an SLO to an objective for each of its own.
func (o *OpenSLO) slo(d document) ([]Objective, error) {
	var spec sloSpec
	if err := d.spec(&spec); err != nil {
		return nil, err
	}
	base := Objective{Name: d.Metadata.Name, Description: spec.Description, Service: spec.Service, source: d.file}
	var errs []error
	errs = append(errs, spec.window(&base))
	policy, err := o.policy(d, spec.AlertPolicies)
	errs = append(errs, err)
	base.Policy = policy
	if len(spec.Objectives) == 0 {
		errs = append(errs, errors.New("objectives: there is none"))
	}
	var objectives []Objective
	for i, target := range spec.Objectives {
		mapped, err := o.objective(base, spec, target)
		errs = append(errs, within(fmt.Sprintf("objectives[%d]", i), err))
		if len(spec.Objectives) > 1 {
			mapped.Name += "-" + suffix(target, i)
		}
		objectives = append(objectives, mapped)
	}
	return objectives, errors.Join(errs...)
}

// suffix tells the objectives of one SLO apart.
func suffix(target sloObjective, i int) string {
	if target.DisplayName != "" {
		return regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(target.DisplayName, "-")
	}
	return strconv.Itoa(i)
}

func (o *OpenSLO) objective(base Objective, spec sloSpec, target sloObjective) (Objective, error) {
	var errs []error
	base.Target = target.TargetPercent
	switch {
	case target.Target != 0 && target.TargetPercent != 0:
		errs = append(errs, errors.New("target: targetPercent is there too; leave out one"))
	case target.Target != 0:
		base.Target = percent(target.Target)
	}
	if target.CompositeWeight != 0 {
		errs = append(errs, errors.New("compositeWeight: OpenSLO gives the whole no target; write the composite objective in the configuration"))
	}
	slices, err := target.slices(spec.BudgetingMethod)
	base.Slices = slices
	errs = append(errs, err)
	inline, reference := spec.Indicator, spec.IndicatorRef
	if target.Indicator != nil || target.IndicatorRef != "" {
		inline, reference = target.Indicator, target.IndicatorRef
	}
	base.Indicator, err = o.indicator(inline, reference, target)
	return base, errors.Join(append(errs, err)...)
}

// percent is a share in percent, as the decimal number that is meant.
func percent(share float64) float64 {
	p, _ := strconv.ParseFloat(strconv.FormatFloat(share*100, 'g', 12, 64), 64) // was formatted
	return p
}

func (t sloObjective) slices(method string) (*Slices, error) {
	switch method {
	case "", "Occurrences":
		return nil, nil
	case "Timeslices":
	default:
		return nil, fmt.Errorf("budgetingMethod: %q cannot be mapped; use Occurrences or Timeslices", method)
	}
	slices := &Slices{Length: Duration(time.Minute), Target: percent(t.TimeSliceTarget)}
	if t.TimeSliceWindow == "" {
		return slices, nil
	}
	if minutes, err := strconv.Atoi(t.TimeSliceWindow); err == nil {
		slices.Length = Duration(time.Duration(minutes) * time.Minute)
		return slices, nil
	}
	return slices, within("timeSliceWindow", slices.Length.UnmarshalText([]byte(t.TimeSliceWindow)))
}

var shorthand = regexp.MustCompile(`^([1-9][0-9]{0,3})([mhdwMQY])$`)

// window maps the one time window that an SLO has.
func (s sloSpec) window(to *Objective) error {
	if len(s.TimeWindow) != 1 {
		return fmt.Errorf("timeWindow: there are %d; write one", len(s.TimeWindow))
	}
	w := s.TimeWindow[0]
	match := shorthand.FindStringSubmatch(w.Duration)
	if match == nil {
		return fmt.Errorf("timeWindow[0].duration: %q is none such as 28d or 1M", w.Duration)
	}
	every, _ := strconv.Atoi(match[1]) // matched as digits
	if w.Calendar == nil {
		if err := within("timeWindow[0].duration", to.Window.UnmarshalText([]byte(w.Duration))); err != nil {
			return fmt.Errorf("%w; a month, quarter or year needs a calendar", err)
		}
		if !w.IsRolling {
			return errors.New("timeWindow[0]: needs isRolling: true or a calendar")
		}
		return nil
	}
	unit, known := map[string]window.Unit{"d": window.Day, "w": window.Week, "M": window.Month, "Q": window.Quarter, "Y": window.Year}[match[2]]
	if !known || w.IsRolling {
		return fmt.Errorf("timeWindow[0]: a calendar has periods of d, w, M, Q or Y, and none that roll; %q is not", w.Duration)
	}
	to.Window = Window{Unit: unit, Every: every, Anchor: w.Calendar.StartTime}
	to.TimeZone = w.Calendar.TimeZone
	return nil
}
