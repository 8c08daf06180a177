// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

// Objective is a service level objective as it is configured.
type Objective struct {
	// Name identifies the objective among all.
	Name string `mapstructure:"name"`
	// Description is for people.
	Description string `mapstructure:"description"`
	// Service is the service.name of the resources that count; empty, all do.
	Service string `mapstructure:"service"`
	// Target is the share of good events in percent, such as 99.9.
	Target float64 `mapstructure:"target"`
	// Window is the period of the budget: a rolling duration such as 30d, or day,
	// week, month, quarter or year of a calendar.
	Window Window `mapstructure:"window"`
	// TimeZone is that of the calendar, UTC if empty.
	TimeZone string `mapstructure:"time_zone"`
	// Indicator says which events count and which are bad.
	Indicator Indicator `mapstructure:"indicator"`
	// Slices count slices of time instead of events.
	Slices *Slices `mapstructure:"slices"`
	// GroupBy are attributes, of the event or else of its resource, each combination
	// of whose values has a budget of its own.
	GroupBy []string `mapstructure:"group_by"`
	// MaxGroups is how many groups there are at most; others share one.
	MaxGroups int `mapstructure:"max_groups"`
	// Labels go onto alerts.
	Labels map[string]string `mapstructure:"labels"`
	// Policy has the tiers of alerts; left out, it is the workbook's.
	Policy []Tier `mapstructure:"policy"`
	// Guards hold alerts back at low traffic.
	Guards Guards `mapstructure:"guards"`
	// Maintenance are times whose events do not count.
	Maintenance []Maintenance `mapstructure:"maintenance"`
	// BudgetSpent is an alert for when no budget is left.
	BudgetSpent *BudgetSpent `mapstructure:"budget_spent"`

	// source is the file that the objective is from, empty for the configuration.
	source string
}

// Indicator says which events count and which of them are bad. One of its fields is set.
type Indicator struct {
	Spans     *Spans   `mapstructure:"spans"`
	Logs      *Logs    `mapstructure:"logs"`
	Metrics   *Metrics `mapstructure:"metrics"`
	Composite []Part   `mapstructure:"composite"`
}

// Spans are spans that match, bad by a condition or by their duration; by either, if
// both are set.
type Spans struct {
	Match      string   `mapstructure:"match"`
	Bad        string   `mapstructure:"bad"`
	SlowerThan Duration `mapstructure:"slower_than"`
}

// Logs are log records that match.
type Logs struct {
	Match string `mapstructure:"match"`
	Bad   string `mapstructure:"bad"`
}

// Metrics are data points of gauges and sums that match, bad above or below a value.
type Metrics struct {
	Match string   `mapstructure:"match"`
	Above *float64 `mapstructure:"above"`
	Below *float64 `mapstructure:"below"`
}

// Part is another objective's share of a composite one.
type Part struct {
	Objective string  `mapstructure:"objective"`
	Weight    float64 `mapstructure:"weight"`
}

// Slices make a slice of time the event that is good or bad.
type Slices struct {
	// Length is how long a slice is.
	Length Duration `mapstructure:"length"`
	// Target is the share of good events in percent that makes a slice a good one.
	Target float64 `mapstructure:"target"`
}

// Tier is a tier of a policy. It has a budget share or a factor.
type Tier struct {
	Name     string   `mapstructure:"name"`
	Severity string   `mapstructure:"severity"`
	Long     Duration `mapstructure:"long"`
	Short    Duration `mapstructure:"short"`
	// Budget is the share of the budget, in percent, that burns in the long window.
	Budget float64  `mapstructure:"budget"`
	Factor float64  `mapstructure:"factor"`
	For    Duration `mapstructure:"for"`
}

// Guards hold tiers back at low traffic, each if it is set.
type Guards struct {
	MinBad      float64 `mapstructure:"min_bad"`
	BudgetShare bool    `mapstructure:"budget_share"`
	// Coverage and Confidence are in percent.
	Coverage   float64 `mapstructure:"coverage"`
	Confidence float64 `mapstructure:"confidence"`
}

// Maintenance is a time that does not count: from one moment to another, or for a
// while every day or every week.
type Maintenance struct {
	From     string   `mapstructure:"from"`
	To       string   `mapstructure:"to"`
	Every    string   `mapstructure:"every"`
	At       string   `mapstructure:"at"`
	For      Duration `mapstructure:"for"`
	TimeZone string   `mapstructure:"time_zone"`
}

// BudgetSpent is what an alert says when no budget is left.
type BudgetSpent struct {
	Message  string            `mapstructure:"message"`
	Severity string            `mapstructure:"severity"`
	Labels   map[string]string `mapstructure:"labels"`
}
