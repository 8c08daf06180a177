// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"
)

type sloAlertPolicies struct {
	AlertPolicyRef string    `yaml:"alertPolicyRef"`
	Kind           string    `yaml:"kind"`
	Metadata       metadata  `yaml:"metadata"`
	Spec           yaml.Node `yaml:"spec"`
}

type policySpec struct {
	Description         string            `yaml:"description"`
	AlertWhenNoData     bool              `yaml:"alertWhenNoData"`
	AlertWhenResolved   *bool             `yaml:"alertWhenResolved"`
	AlertWhenBreaching  *bool             `yaml:"alertWhenBreaching"`
	Conditions          []policyCondition `yaml:"conditions"`
	NotificationTargets []yaml.Node       `yaml:"notificationTargets"`
}

type policyCondition struct {
	ConditionRef string    `yaml:"conditionRef"`
	Kind         string    `yaml:"kind"`
	Metadata     metadata  `yaml:"metadata"`
	Spec         yaml.Node `yaml:"spec"`
}

type conditionSpec struct {
	Description string `yaml:"description"`
	Severity    string `yaml:"severity"`
	Condition   struct {
		Kind           string  `yaml:"kind"`
		Op             string  `yaml:"op"`
		Threshold      float64 `yaml:"threshold"`
		LookbackWindow string  `yaml:"lookbackWindow"`
		AlertAfter     string  `yaml:"alertAfter"`
	} `yaml:"condition"`
}

// policy maps the conditions of alert policies to tiers, each with a short window of
// a twelfth.
func (o *OpenSLO) policy(slo document, policies []sloAlertPolicies) ([]Tier, error) {
	var tiers []Tier
	var errs []error
	for i, policy := range policies {
		place := fmt.Sprintf("alertPolicies[%d]", i)
		d := document{file: slo.file, Kind: "AlertPolicy", Metadata: policy.Metadata, Spec: policy.Spec}
		if policy.AlertPolicyRef != "" {
			found := false
			if d, found = o.others[[2]string{"AlertPolicy", policy.AlertPolicyRef}]; !found {
				errs = append(errs, fmt.Errorf("%s.alertPolicyRef: there is no AlertPolicy %q in the files", place, policy.AlertPolicyRef))
				continue
			}
		}
		mapped, err := o.tiers(d)
		tiers = append(tiers, mapped...)
		errs = append(errs, within(place, err))
	}
	return tiers, errors.Join(errs...)
}

func (o *OpenSLO) tiers(d document) ([]Tier, error) {
	var spec policySpec
	if err := d.spec(&spec); err != nil {
		return nil, err
	}
	if len(spec.NotificationTargets) > 0 {
		o.note(d, "notificationTargets are configured as alerting here")
	}
	if spec.AlertWhenResolved != nil && !*spec.AlertWhenResolved {
		o.note(d, "alertWhenResolved: false has no meaning here, what is resolved is always told")
	}
	var errs []error
	if spec.AlertWhenNoData {
		errs = append(errs, errors.New("alertWhenNoData cannot be mapped: without events nothing is known, and an alert stays as it is"))
	}
	if spec.AlertWhenBreaching != nil && !*spec.AlertWhenBreaching {
		errs = append(errs, errors.New("alertWhenBreaching: false leaves nothing to alert on"))
	}
	var tiers []Tier
	for i, c := range spec.Conditions {
		tier, err := o.tier(c)
		tiers = append(tiers, tier)
		errs = append(errs, within(fmt.Sprintf("conditions[%d]", i), err))
	}
	return tiers, errors.Join(errs...)
}

func (o *OpenSLO) tier(c policyCondition) (Tier, error) {
	d := document{Kind: "AlertCondition", Metadata: c.Metadata, Spec: c.Spec}
	if c.ConditionRef != "" {
		found := false
		if d, found = o.others[[2]string{"AlertCondition", c.ConditionRef}]; !found {
			return Tier{}, fmt.Errorf("conditionRef: there is no AlertCondition %q in the files", c.ConditionRef)
		}
	}
	var spec conditionSpec
	if err := d.spec(&spec); err != nil {
		return Tier{}, err
	}
	tier := Tier{Name: d.Metadata.Name, Severity: spec.Severity, Factor: spec.Condition.Threshold}
	var errs []error
	if spec.Condition.Kind != "burnrate" {
		errs = append(errs, fmt.Errorf("condition.kind: %q cannot be mapped; use burnrate", spec.Condition.Kind))
	}
	if op := spec.Condition.Op; op != "" && op != "gt" && op != "gte" {
		errs = append(errs, fmt.Errorf("condition.op: %q cannot be mapped; use gt", op))
	}
	errs = append(errs, within("condition.lookbackWindow", tier.Long.UnmarshalText([]byte(spec.Condition.LookbackWindow))))
	if after := spec.Condition.AlertAfter; after != "" {
		errs = append(errs, within("condition.alertAfter", tier.For.UnmarshalText([]byte(after))))
	}
	return tier, errors.Join(errs...)
}
