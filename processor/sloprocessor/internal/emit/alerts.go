// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"encoding/hex"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/engine"
)

// Logs writes alerts that fired or resolved now, each as an event, as one resource more.
func Logs(to plog.Logs, alerts []engine.Alert, now int64) {
	if len(alerts) == 0 {
		return
	}
	scope := to.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	scope.Scope().SetName(Scope)
	for i := range alerts {
		record(scope.LogRecords().AppendEmpty(), &alerts[i], now)
	}
}

func record(to plog.LogRecord, a *engine.Alert, now int64) {
	to.SetEventName(EventAlert)
	to.SetTimestamp(pcommon.Timestamp(now))
	to.SetObservedTimestamp(pcommon.Timestamp(now))
	to.SetSeverityNumber(severityOf(a))
	to.SetSeverityText(strings.ToUpper(to.SeverityNumber().String()))
	to.Body().SetStr(Sentence(a))
	if len(a.Exemplars) > 0 {
		to.SetTraceID(a.Exemplars[0].Trace)
		to.SetSpanID(a.Exemplars[0].Span)
	}
	attributes := to.Attributes()
	identify(attributes, a.Objective, a.Values, a.Overflow)
	for key, value := range a.Objective.Labels {
		attributes.PutStr(key, value)
	}
	attributes.PutStr(AttributeTier, a.Tier)
	attributes.PutStr(AttributeSeverity, string(a.Severity))
	attributes.PutStr(AttributeStatus, a.Status.String())
	attributes.PutInt(AttributeStart, a.StartsAt)
	if a.Tier == engine.BudgetTier {
		attributes.PutStr(AttributeMessage, a.Objective.BudgetSpent.Message)
		for key, value := range a.Objective.BudgetSpent.Labels {
			attributes.PutStr(key, value)
		}
	} else {
		attributes.PutDouble(AttributeFactor, a.Factor)
	}
	if a.Rates.LongDefined {
		attributes.PutDouble(AttributeLong, a.Rates.Long)
	}
	if a.Rates.ShortDefined {
		attributes.PutDouble(AttributeShort, a.Rates.Short)
	}
	if a.Budget.Defined {
		attributes.PutDouble(AttributeRemaining, a.Budget.Left)
	}
	attributes.PutStr(AttributeCause, a.Cause)
	traces := attributes.PutEmptySlice(AttributeTraces)
	for _, x := range a.Exemplars {
		traces.AppendEmpty().SetStr(hex.EncodeToString(x.Trace[:]))
	}
}

func severityOf(a *engine.Alert) plog.SeverityNumber {
	switch {
	case a.Status == engine.Resolved:
		return plog.SeverityNumberInfo
	case a.Severity == burn.Page:
		return plog.SeverityNumberError
	}
	return plog.SeverityNumberWarn
}

// Sentence says what an alert says, in words.
func Sentence(a *engine.Alert) string {
	name := a.Objective.Name
	if len(a.Values) > 0 {
		name += " (" + strings.Join(a.Values, ", ") + ")"
	}
	if a.Overflow {
		name += " (all other groups)"
	}
	budget := remaining(a.Budget)
	switch {
	case a.Status == engine.Resolved && a.Tier == engine.BudgetTier:
		return name + ": there is budget again" + budget
	case a.Status == engine.Resolved:
		return fmt.Sprintf("%s: the budget no longer burns faster than the tier %s allows%s", name, a.Tier, budget)
	case a.Tier == engine.BudgetTier:
		return fmt.Sprintf("%s: no budget is left%s: %s; %s", name, budget, a.Objective.BudgetSpent.Message, a.Cause)
	}
	return fmt.Sprintf("%s: the budget burns %s times as fast as sustainable, %s in the short window, and the tier %s allows %s%s; %s",
		name, rounded(a.Rates.Long), rounded(a.Rates.Short), a.Tier, rounded(a.Factor), budget, a.Cause)
}

func remaining(r engine.Remaining) string {
	switch {
	case !r.Defined:
		return ""
	case r.Left < 0:
		return fmt.Sprintf("; the budget is spent %s times", rounded(1-r.Left))
	}
	return fmt.Sprintf("; %.1f %% of the budget is left", 100*r.Left)
}

// rounded is a burn rate for people.
func rounded(rate float64) string {
	if rate >= 100 {
		return fmt.Sprintf("%.0f", rate)
	}
	return fmt.Sprintf("%.3g", rate)
}
