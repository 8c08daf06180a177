// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

func TestOpenSLO(t *testing.T) {
	var o OpenSLO
	for _, file := range []string{"testdata/slo.yaml", "testdata/policies.yaml"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, o.Read(file, text))
	}
	objectives, err := o.Objectives()
	require.NoError(t, err)
	const route = `attributes["http.route"] == "/checkout"`
	monthly := Window{Unit: window.Month, Every: 1, Anchor: "2026-01-01 12:30:00"}
	slow := func(name string, target float64, threshold Duration, slices Slices) Objective {
		return Objective{
			Name: name, Service: "shop", Target: target, Window: monthly, TimeZone: "America/New_York", Slices: &slices,
			Indicator: Indicator{Spans: &Spans{Match: route, SlowerThan: threshold}}, source: "testdata/slo.yaml",
		}
	}
	assert.Equal(t, []Objective{
		{
			Name: "checkout", Description: "Orders go through.", Service: "shop", Target: 99.9, Window: Window{Rolling: 28 * day},
			Indicator: Indicator{Spans: &Spans{Match: route, Bad: "not (status.code != STATUS_CODE_ERROR)"}},
			Policy: []Tier{
				{Name: "page", Severity: "page", Long: Duration(time.Hour), Factor: 13.44, For: Duration(2 * time.Minute)},
				{Name: "ticket", Severity: "ticket", Long: Duration(day), Factor: 2.8},
			},
			source: "testdata/slo.yaml",
		},
		slow("latency-fast", 95, Duration(300*time.Millisecond), Slices{Duration(time.Minute), 90}),
		slow("latency-not-slow", 99, Duration(time.Second), Slices{Duration(5 * time.Minute), 95}),
	}, objectives)
	assert.Equal(t, []string{
		"testdata/slo.yaml: Service shop: documents of this kind have no meaning here",
		"testdata/policies.yaml: AlertPolicy fast: notificationTargets are configured as alerting here",
	}, o.Notes)

	resolved, err := Resolve(objectives)
	require.NoError(t, err)
	assert.InDelta(t, 0.02, resolved[0].Tiers[0].Budget, 1e-12)
}

// TestOpenSLOErrorsNameWhatCannotBeMapped replaces a part of the SLO, each time another.
func TestOpenSLOErrorsNameWhatCannotBeMapped(t *testing.T) {
	const whole = `
apiVersion: openslo/v1
kind: SLO
metadata: { name: x }
spec:
  service: shop
  indicator: { spec: { ratioMetric: { counter: true, bad: { metricSource: { type: fathom, spec: { logs: 'true' } } }, total: { metricSource: { type: fathom, spec: { logs: 'true' } } } } } }
  timeWindow: [ { duration: 30d, isRolling: true } ]
  budgetingMethod: Occurrences
  objectives: [ { target: 0.99 } ]
  alertPolicies: []
`
	policy := func(spec string) [2]string {
		return [2]string{"alertPolicies: []", "alertPolicies: [ { kind: AlertPolicy, metadata: { name: p }, spec: " + spec + " } ]"}
	}
	condition := func(condition string) [2]string {
		return policy("{ conditions: [ { kind: AlertCondition, metadata: { name: c }, spec: { severity: page, condition: " + condition + " } } ] }")
	}
	for want, change := range map[string][2]string{
		`f.yaml: SLO x: apiVersion: "openslo/v2" is not openslo/v1`:                         {"openslo/v1", "openslo/v2"},
		`f.yaml: Wish x: kind: "Wish" is none of openslo/v1`:                                {"kind: SLO", "kind: Wish"},
		"f.yaml: SLO : metadata.name is missing":                                            {"name: x", ""},
		"f.yaml: SLO x: yaml: unmarshal errors:\n  line 1: field owner not found":           {"service: shop", "owner: me"},
		"f.yaml: SLO x: timeWindow: there are 0; write one":                                 {"[ { duration: 30d, isRolling: true } ]", "[]"},
		`f.yaml: SLO x: timeWindow[0].duration: "soon" is none such as 28d or 1M`:           {"30d", "soon"},
		"a month, quarter or year needs a calendar":                                         {"30d", "1M"},
		"f.yaml: SLO x: timeWindow[0]: needs isRolling: true or a calendar":                 {"true } ]", "false } ]"},
		"f.yaml: SLO x: timeWindow[0]: a calendar has periods of d, w, M, Q or Y":           {"isRolling: true", "isRolling: true, calendar: {}"},
		`f.yaml: SLO x: objectives[0]: budgetingMethod: "RatioTimeslices" cannot be mapped`: {"Occurrences", "RatioTimeslices"},
		"f.yaml: SLO x: objectives: there is none":                                          {"[ { target: 0.99 } ]", "[]"},
		"f.yaml: SLO x: objectives[0]: target: targetPercent is there too":                  {"target: 0.99", "target: 0.99, targetPercent: 99"},
		"f.yaml: SLO x: objectives[0]: compositeWeight: OpenSLO gives":                      {"target: 0.99", "target: 0.99, compositeWeight: 1"},
		`indicatorRef: there is no SLI "y" in the files`:                                    {"target: 0.99", "target: 0.99, indicatorRef: y"},
		"indicator: indicatorRef is there too":                                              {"service: shop", "indicatorRef: y"},
		`ratioMetric.bad: metricSource.type: queries of "Prometheus" cannot be mapped`:      {"fathom", "Prometheus"},
		"ratioMetric: total and bad need conditions on the same signal":                     {"logs", "spans"},
		"ratioMetric: needs one of good and bad":                                            {"total:", "good: {}, total:"},
		"indicator: needs one of ratioMetric and thresholdMetric":                           {"ratioMetric:", "description: x } } #"},
		"thresholdMetric: the objective lacks op and value":                                 {"ratioMetric: {", "thresholdMetric: { metricSource: { type: fathom, spec: { spans: 'true' } } } } } #"},
		`f.yaml: SLO x: alertPolicies[0].alertPolicyRef: there is no AlertPolicy "y"`:       {"alertPolicies: []", "alertPolicies: [ { alertPolicyRef: y } ]"},
		"f.yaml: SLO x: alertPolicies[0]: alertWhenNoData cannot be mapped":                 policy("{ alertWhenNoData: true }"),
		"f.yaml: SLO x: alertPolicies[0]: alertWhenBreaching: false leaves":                 policy("{ alertWhenBreaching: false }"),
		`alertPolicies[0]: conditions[0]: conditionRef: there is no AlertCondition "c"`:     policy("{ conditions: [ { conditionRef: c } ] }"),
		`conditions[0]: condition.kind: "absence" cannot be mapped; use burnrate`:           condition("{ kind: absence, lookbackWindow: 1h }"),
		`conditions[0]: condition.op: "lt" cannot be mapped; use gt`:                        condition("{ kind: burnrate, op: lt, lookbackWindow: 1h }"),
		`conditions[0]: condition.lookbackWindow: "long" is no duration`:                    condition("{ kind: burnrate, lookbackWindow: long }"),
		`conditions[0]: condition.alertAfter: "long" is no duration`:                        condition("{ kind: burnrate, lookbackWindow: 1h, alertAfter: long }"),
		"f.yaml: read OpenSLO documents: yaml:":                                             {"kind: SLO", "kind: [SLO"},
	} {
		text := strings.Replace(whole, change[0], change[1], 1)
		require.NotEqual(t, whole, text, want)
		var o OpenSLO
		err := o.Read("f.yaml", []byte(text))
		if err == nil {
			_, err = o.Objectives()
		}
		assert.ErrorContains(t, err, want, text)
	}
	var o OpenSLO
	require.NoError(t, o.Read("f.yaml", []byte("---\n"+whole)))
	_, err := o.Objectives()
	require.NoError(t, err, "nothing replaced")
	sli := []byte("apiVersion: openslo/v1\nkind: SLI\nmetadata: { name: y }\n")
	require.NoError(t, o.Read("f.yaml", sli))
	assert.EqualError(t, o.Read("g.yaml", sli), "g.yaml: SLI y: there is one of that name in f.yaml")
}

// An error of an objective from a file names the file.
func TestErrorsNameTheFile(t *testing.T) {
	_, err := Resolve([]Objective{{Name: "x", Target: 99, source: "slo/x.yaml"}})
	assert.EqualError(t, err, "slo/x.yaml: x.indicator: has 0 of spans, logs, metrics and composite; set one")
}
