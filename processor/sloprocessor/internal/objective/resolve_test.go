// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"gopkg.in/yaml.v3"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// read reads objectives as the Collector does.
func read(t *testing.T, text string) []Objective {
	t.Helper()
	var raw map[string]any
	require.NoError(t, yaml.Unmarshal([]byte("objectives:\n"+text), &raw))
	var config struct {
		Objectives []Objective `mapstructure:"objectives"`
	}
	require.NoError(t, confmap.NewFromStringMap(raw).Unmarshal(&config))
	return config.Objectives
}

const availability = `
- name: checkout
  service: shop
  target: 99.9
  indicator: { spans: { match: 'attributes["http.route"] == "/checkout"', bad: 'status.code == STATUS_CODE_ERROR' } }
`

func TestResolveFillsInWhatIsLeftOut(t *testing.T) {
	resolved, err := Resolve(read(t, availability))
	require.NoError(t, err)
	r := resolved[0]
	assert.Equal(t, 0.999, r.Share)
	assert.Equal(t, 30*day, r.Period)
	assert.Nil(t, r.Calendar)
	assert.Equal(t, burn.Default(30*day), r.Tiers)
	assert.Equal(t, DefaultMaxGroups, r.MaxGroups)
	assert.GreaterOrEqual(t, r.Plan.Index(30*day), 0)
	assert.Equal(t, 8, r.Plan.Len(), "8 windows of tiers, of which two are the same, and the period")
}

func TestResolveEverything(t *testing.T) {
	resolved, err := Resolve(read(t, availability+`
- name: everything
  description: all keys
  service: shop
  target: 99
  window: month
  time_zone: Europe/Berlin
  indicator: { spans: { match: 'kind == SPAN_KIND_SERVER', bad: 'status.code == STATUS_CODE_ERROR', slower_than: 300ms } }
  slices: { length: 1m, target: 95 }
  group_by: [http.route]
  max_groups: 5
  labels: { team: shop }
  policy:
    - { severity: page, long: 1h, budget: 2 }
    - { name: slow, severity: ticket, long: 3d, short: 2h, factor: 1, for: 10m }
  guards: { min_bad: 3, budget_share: true, coverage: 10, confidence: 95 }
  maintenance:
    - { from: "2026-03-01T02:00:00Z", to: "2026-03-01T04:00:00Z" }
    - { every: sunday, at: "02:00", for: 2h, time_zone: Europe/Berlin }
    - { every: day, at: "23:30", for: 1h }
  budget_spent: { message: freeze, labels: { freeze: "true" } }
- { name: lag, target: 99, indicator: { metrics: { match: 'metric.name == "lag"', above: 5 } } }
- { name: log, target: 99, indicator: { logs: { match: 'true', bad: 'severity_number >= SEVERITY_NUMBER_ERROR' } } }
- { name: both, target: 99, indicator: { composite: [ { objective: checkout, weight: 2 }, { objective: log, weight: 1 } ] } }
`))
	require.NoError(t, err)
	r := resolved[1]
	assert.NotNil(t, r.Calendar)
	assert.Equal(t, []burn.Tier{
		{Name: "1h", Severity: burn.Page, Long: time.Hour, Short: 5 * time.Minute, Factor: 14.4, Budget: 0.02},
		{Name: "slow", Severity: burn.Ticket, Long: 72 * time.Hour, Short: 2 * time.Hour, Factor: 1, Budget: 0.1, For: 10 * time.Minute},
	}, r.Tiers)
	assert.Equal(t, burn.Guards{MinBad: 3, BudgetShare: true, Coverage: 0.1, Confidence: 0.95}, r.Guards)
	assert.Equal(t, []ResolvedPart{{0, 2}, {3, 1}}, resolved[4].Parts)
	assert.Equal(t, "ticket", r.BudgetSpent.Severity)
	for at, excluded := range map[string]bool{
		"2026-03-01T02:00:00Z": true, "2026-03-01T04:00:00Z": false,
		"2026-03-08T00:59:59Z": false, "2026-03-08T01:00:00Z": true, "2026-03-08T02:59:59Z": true, "2026-03-08T03:00:00Z": false,
		"2026-07-05T00:00:00Z": true, "2026-07-05T02:00:00Z": false, // summer
		"2026-03-10T23:30:00Z": true, "2026-03-11T00:29:59Z": true, "2026-03-11T00:30:00Z": false,
	} {
		moment, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		assert.Equal(t, excluded, r.Excludes(moment.UnixNano()), at)
	}
}

// TestErrorsNameTheirKeys replaces a part of the objective's text, or adds keys to it.
func TestErrorsNameTheirKeys(t *testing.T) {
	for want, change := range map[string][2]string{
		"objectives[0].name: is missing; alerts and series are named by it":                                                                              {"name: checkout", "description: x"},
		"objectives[0].target: 100 leaves no budget that could burn; use a share in percent such as 99.9":                                                {"99.9", "100"},
		"objectives[0].target: 0 allows that everything is bad; use a share in percent such as 99.9":                                                     {"99.9", "0"},
		"objectives[0].window: a window of 960h0m0s is not within 10s and 840h0m0s":                                                                      {"", "window: 40d"},
		"objectives[0].window: a window of 721h30m0s is counted in buckets of 1h0m0s and is no multiple of that; use 722h0m0s":                           {"", "window: 721h30m"},
		"objectives[0].time_zone: \"Mars\" is no time zone; write Europe/Berlin":                                                                         {"", "window: month\n  time_zone: Mars"},
		"objectives[0].time_zone: is for a window of a calendar (day, week, month, quarter, year), and 30d rolls; leave it out":                          {"", "time_zone: Europe/Berlin"},
		"objectives[0].indicator: has 0 of spans, logs, metrics and composite; set one":                                                                  {"indicator: { spans", "labels: {}\n  indicator: {} #"},
		"objectives[0].indicator.spans: says of no span that it is bad; set bad, slower_than, or both":                                                   {", bad: 'status.code == STATUS_CODE_ERROR'", ""},
		"objectives[0].indicator.spans.slower_than: -1s is negative; use a duration such as 300ms":                                                       {"bad:", "slower_than: -1s, bad:"},
		"objectives[0].slices.length: 7m is not within 10s and 1h or does not divide an hour; use 1m":                                                    {"", "slices: {length: 7m, target: 9}"},
		"objectives[0].slices.target: 0 allows that everything is bad; use a share in percent such as 99.9":                                              {"", "slices: {length: 1m}"},
		"objectives[0].group_by[1]: \"a\" is there twice":                                                                                                {"", "group_by: [a, a]"},
		"objectives[0].group_by[0]: is empty; name an attribute":                                                                                         {"", "group_by: ['']"},
		"objectives[0].max_groups: -1 is negative":                                                                                                       {"", "max_groups: -1"},
		"objectives[0].policy[0]: needs one of budget (in percent) and factor":                                                                           {"", "policy: [{severity: page, long: 1h}]"},
		"objectives[0].policy[0].budget: 200 is no share in percent above 0":                                                                             {"", "policy: [{severity: page, long: 1h, budget: 200}]"},
		"objectives[0].policy[0].severity: \"mail\" is neither page nor ticket":                                                                          {"", "policy: [{severity: mail, long: 1h, budget: 2}]"},
		"objectives[0].policy[0].long: a window of 0s is not within 10s and 840h0m0s":                                                                    {"", "policy: [{severity: page, short: 5m, factor: 2}]"},
		"objectives[0].policy[0].short: a window of 1m5s is counted in buckets of 10s and is no multiple of that; use 1m10s":                             {"", "policy: [{severity: page, long: 1h, short: 65s, factor: 2}]"},
		"objectives[0].policy[1].name: \"1h\" is there twice; alerts are told apart by it":                                                               {"", "policy: [{severity: page, long: 1h, factor: 2}, {severity: ticket, long: 1h, factor: 1}]"},
		"objectives[0].policy: the default tier 1h: can never fire: its factor is 14.4, and with all events bad a target of 90 % burns 10 times as fast": {"99.9", "90"},
		"objectives[0].guards.min_bad: -1 is negative":                                                                                                   {"", "guards: {min_bad: -1}"},
		"objectives[0].guards.coverage: 101 is no share in percent; use 0 to do without":                                                                 {"", "guards: {coverage: 101}"},
		"objectives[0].guards.confidence: 100 is no probability in percent below 100; use 95, or 0 to do without":                                        {"", "guards: {confidence: 100}"},
		"objectives[0].maintenance[0].from: \"\" is no time; write 2026-03-01T02:00:00Z":                                                                 {"", "maintenance: [{to: '2026-03-01T02:00:00Z'}]"},
		"objectives[0].maintenance[0].to: 2026-03-01T02:00:00Z is not after from":                                                                        {"", "maintenance: [{from: '2026-03-01T02:00:00Z', to: '2026-03-01T02:00:00Z'}]"},
		"objectives[0].maintenance[0]: has both from and to and what is for repeated ones":                                                               {"", "maintenance: [{from: '2026-03-01T02:00:00Z', every: day}]"},
		"objectives[0].maintenance[0].every: \"moonday\" is neither day nor a day of the week such as sunday":                                            {"", "maintenance: [{every: moonday, at: '02:00', for: 1h}]"},
		"objectives[0].maintenance[0].at: \"2\" is no time of day; write 02:00":                                                                          {"", "maintenance: [{every: monday, at: '2', for: 1h}]"},
		"objectives[0].maintenance[0].for: 2d is not within 0s and 1d":                                                                                   {"", "maintenance: [{every: day, at: '02:00', for: 2d}]"},
		"objectives[0].maintenance[0].time_zone: \"Mars\" is no time zone":                                                                               {"", "maintenance: [{every: day, at: '02:00', for: 1h, time_zone: Mars}]"},
		"objectives[0].budget_spent.message: is missing":                                                                                                 {"", "budget_spent: {severity: page}"},
		"objectives[0].budget_spent.severity: \"mail\" is neither page nor ticket":                                                                       {"", "budget_spent: {severity: mail, message: x}"},
	} {
		text := strings.Replace(availability, change[0], change[1], 1)
		if change[0] == "" {
			text = availability + "  " + change[1] + "\n"
		}
		_, err := Resolve(read(t, text))
		assert.ErrorContains(t, err, want, text)
	}
}

func TestErrorsOfSeveralObjectives(t *testing.T) {
	_, err := Resolve(read(t, availability+`
- { name: checkout, target: 99, indicator: { logs: { match: 'true' } } }
- { name: lag, target: 99, window: 7d, indicator: { metrics: { above: 5, below: 3 } } }
- name: whole
  service: x
  target: 99
  group_by: [a]
  slices: { length: 1m, target: 99 }
  indicator: { composite: [ { objective: checkout, weight: 0 }, { objective: nothing, weight: 1 }, { objective: whole, weight: 1 }, { objective: checkout, weight: 1 }, { objective: lag, weight: 1 }, { objective: grouped, weight: 1 } ] }
- { name: grouped, target: 99, group_by: [a], indicator: { spans: { slower_than: 1s } } }
`))
	require.Error(t, err)
	assert.Equal(t, strings.TrimSpace(`
objectives[1].indicator.logs.bad: is missing; write the OTTL condition of a bad record
objectives[1].name: "checkout" is that of objectives[0] too; give each its own
objectives[2].indicator.metrics.match: is missing; name a metric, as in metric.name == "queue.depth"
objectives[2].indicator.metrics: needs one of above and below
objectives[3].service: is that of the parts of a composite objective; leave it out
objectives[3].slices: are of the parts of a composite objective; leave them out
objectives[3].group_by: a composite objective has one budget; leave it out
objectives[3].indicator.composite[0].weight: 0 is not above 0
objectives[3].indicator.composite[1].objective: there is no objective "nothing"
objectives[3].indicator.composite[2].objective: "whole" is composite itself; name its parts
objectives[3].indicator.composite[3].objective: "checkout" is there twice
objectives[3].indicator.composite[4].objective: "lag" has another window (7d) than the composite objective (30d)
objectives[3].indicator.composite[5].objective: "grouped" has a budget for each group; name one without group_by
`), err.Error())
}

func TestThresholdsAreNumbers(t *testing.T) {
	nan := math.NaN()
	_, err := Resolve([]Objective{{Name: "x", Target: 99, Indicator: Indicator{Metrics: &Metrics{Match: "true", Below: &nan}}}})
	assert.ErrorContains(t, err, "objectives[0].indicator.metrics.below: NaN is no value to compare with")
	_, err = Resolve([]Objective{{Name: "x", Target: nan, Indicator: Indicator{Metrics: &Metrics{Match: "true", Below: new(float64)}}}})
	assert.ErrorContains(t, err, "objectives[0].target: NaN allows")
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"300ms": 300 * time.Millisecond, "1h30m": 90 * time.Minute, "30d": 30 * day, "4w": 28 * day, "1w1d1h": 8*day + time.Hour, "1d12h": 36 * time.Hour, "-1s": -time.Second,
	} {
		var d Duration
		require.NoError(t, d.UnmarshalText([]byte(text)))
		assert.Equal(t, want, time.Duration(d), text)
		var again Duration
		require.NoError(t, again.UnmarshalText([]byte(d.String())))
		assert.Equal(t, d, again)
	}
	for _, text := range []string{"", "30", "d", "1d2w", "1x"} {
		var d Duration
		assert.EqualError(t, d.UnmarshalText([]byte(text)), "\""+text+"\" is no duration; write 300ms, 1h, 30d or 4w")
	}
}

func TestWindows(t *testing.T) {
	for text, want := range map[string]time.Duration{"30d": 30 * day, "day": day, "week": 7 * day, "month": 30 * day, "quarter": 91 * day, "year": 365 * day} {
		var w Window
		require.NoError(t, w.UnmarshalText([]byte(text)))
		assert.Equal(t, text, w.String())
		assert.Equal(t, want, w.Period())
	}
	var w Window
	assert.EqualError(t, w.UnmarshalText([]byte("fortnight")), "\"fortnight\" is no window; write a duration such as 30d, or day, week, month, quarter or year")
	_, err := Window{Unit: window.Month, Every: 1, Anchor: "yesterday"}.calendar(time.UTC)
	assert.Error(t, err)
}

// TestEpoch: what is counted makes it, and nothing else.
func TestEpoch(t *testing.T) {
	first := read(t, availability)[0]
	for name, change := range map[string]func(*Objective){
		"service": func(o *Objective) { o.Service = "x" }, "match": func(o *Objective) { o.Indicator.Spans.Match = "x" },
		"slower_than": func(o *Objective) { o.Indicator.Spans.SlowerThan = 1 }, "slices": func(o *Objective) { o.Slices = &Slices{} },
		"group_by": func(o *Objective) { o.GroupBy = []string{"x"} }, "calendar": func(o *Objective) { o.Window = Window{Every: 1} },
		"anchor": func(o *Objective) { o.Window.Anchor = "x" }, "zone": func(o *Objective) { o.TimeZone = "x" },
	} {
		changed := read(t, availability)[0]
		change(&changed)
		assert.NotEqual(t, first.Epoch(), changed.Epoch(), name)
	}
	for name, change := range map[string]func(*Objective){
		"target": func(o *Objective) { o.Target = 99 }, "window": func(o *Objective) { o.Window.Rolling = 7 * day },
		"policy": func(o *Objective) { o.Policy = []Tier{{}} }, "labels": func(o *Objective) { o.Labels = map[string]string{"a": "b"} },
	} {
		changed := read(t, availability)[0]
		change(&changed)
		assert.Equal(t, first.Epoch(), changed.Epoch(), name)
	}
	assert.Len(t, first.Epoch(), 16)
}
