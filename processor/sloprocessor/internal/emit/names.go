// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

// Scope is the instrumentation scope of what is written.
const Scope = "github.com/fathom-otel/fathom/processor/sloprocessor"

// EventAlert is the name of the event that an alert fires or resolves.
const EventAlert = "fathom.slo.alert"

// Metrics. Counts are of type double, since what a sampled span stands for need not
// be whole.
const (
	MetricEventsTotal     = "fathom.slo.events.total"
	MetricEventsGood      = "fathom.slo.events.good"
	MetricTarget          = "fathom.slo.target"
	MetricBudgetRemaining = "fathom.slo.budget.remaining"
	MetricBudgetDuration  = "fathom.slo.budget.exhaustion"
	MetricBurnRate        = "fathom.slo.burn_rate"
)

// Attributes of the metrics and of the event.
const (
	AttributeName      = "fathom.slo.name"
	AttributeService   = "service.name"
	AttributeWindow    = "fathom.slo.window"
	AttributeEstimated = "fathom.slo.estimated"
	// AttributeOverflow marks the budget of all groups beyond the limit, as the
	// OpenTelemetry SDKs mark the series of theirs.
	AttributeOverflow  = "otel.metric.overflow"
	AttributeTier      = "fathom.slo.tier"
	AttributeSeverity  = "fathom.slo.severity"
	AttributeStatus    = "fathom.slo.status"
	AttributeStart     = "fathom.slo.start"
	AttributeFactor    = "fathom.slo.factor"
	AttributeLong      = "fathom.slo.burn_rate.long"
	AttributeShort     = "fathom.slo.burn_rate.short"
	AttributeRemaining = "fathom.slo.budget.remaining"
	AttributeCause     = "fathom.slo.cause"
	AttributeTraces    = "fathom.slo.traces"
	AttributeMessage   = "fathom.slo.message"
)
