// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

func spansOf(t testing.TB, objectives ...objective.Objective) (*Spans, error) {
	t.Helper()
	for i := range objectives {
		objectives[i].Name = string(rune('a' + i))
		objectives[i].Target = 99
	}
	resolved, err := objective.Resolve(objectives)
	require.NoError(t, err)
	return NewSpans(resolved, componenttest.NewNopTelemetrySettings())
}

func indicator(match, bad string, slowerThan time.Duration) objective.Indicator {
	return objective.Indicator{Spans: &objective.Spans{Match: match, Bad: bad, SlowerThan: objective.Duration(slowerThan)}}
}

// span makes one of a service, with a route.
func span(service, route string, d time.Duration, code ptrace.StatusCode) (ptrace.ResourceSpans, ptrace.ScopeSpans, ptrace.Span) {
	resource := ptrace.NewTraces().ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", service)
	resource.Resource().Attributes().PutStr("k8s.namespace.name", "prod")
	scope := resource.ScopeSpans().AppendEmpty()
	s := scope.Spans().AppendEmpty()
	s.Attributes().PutStr("http.route", route)
	s.SetStartTimestamp(1000)
	s.SetEndTimestamp(1000 + pcommon.Timestamp(d))
	s.Status().SetCode(code)
	return resource, scope, s
}

const checkout = `attributes["http.route"] == "/checkout"`

func TestJudge(t *testing.T) {
	spans, err := spansOf(t,
		objective.Objective{Service: "shop", Indicator: indicator(checkout, "status.code == STATUS_CODE_ERROR", 0)},
		objective.Objective{Service: "shop", Indicator: indicator(checkout, "", 300*time.Millisecond)},
		objective.Objective{Indicator: indicator("", "status.code == STATUS_CODE_ERROR", time.Second), GroupBy: []string{"service.name", "http.route", "nothing"}},
		objective.Objective{Service: "other", Indicator: indicator("IsRootSpan()", "true", 0)},
	)
	require.NoError(t, err)
	for _, test := range []struct {
		name, service, route string
		duration             time.Duration
		code                 ptrace.StatusCode
		want                 []Verdict
	}{
		{"good", "shop", "/checkout", time.Millisecond, ptrace.StatusCodeOk, []Verdict{{0, false, nil}, {1, false, nil}, {2, false, []string{"shop", "/checkout", ""}}}},
		{"an error", "shop", "/checkout", time.Millisecond, ptrace.StatusCodeError, []Verdict{{0, true, nil}, {1, false, nil}, {2, true, []string{"shop", "/checkout", ""}}}},
		{"slow", "shop", "/checkout", 301 * time.Millisecond, ptrace.StatusCodeOk, []Verdict{{0, false, nil}, {1, true, nil}, {2, false, []string{"shop", "/checkout", ""}}}},
		{"just not slow", "shop", "/checkout", 300 * time.Millisecond, ptrace.StatusCodeOk, []Verdict{{0, false, nil}, {1, false, nil}, {2, false, []string{"shop", "/checkout", ""}}}},
		{"very slow", "shop", "/list", 2 * time.Second, ptrace.StatusCodeOk, []Verdict{{2, true, []string{"shop", "/list", ""}}}},
		{"of a service of which nothing is said", "third", "/checkout", time.Millisecond, ptrace.StatusCodeOk, []Verdict{{2, false, []string{"third", "/checkout", ""}}}},
		{"ended before it began", "shop", "/list", -2 * time.Second, ptrace.StatusCodeOk, []Verdict{{2, false, []string{"shop", "/list", ""}}}},
		{"a root span", "other", "", 0, ptrace.StatusCodeOk, []Verdict{{2, false, []string{"other", "", ""}}, {3, true, nil}}},
	} {
		resource, scope, s := span(test.service, test.route, test.duration, test.code)
		got, failed := spans.Of(resource.Resource()).Judge(t.Context(), resource, scope, s, nil)
		assert.Equal(t, test.want, got, test.name)
		assert.Zero(t, failed)
	}
}

func TestConditionsThatFailDoNotMatch(t *testing.T) {
	spans, err := spansOf(t,
		objective.Objective{Indicator: indicator(`Int(ParseJSON(attributes["http.route"])["a"]) > 0`, "true", 0)},
		objective.Objective{Indicator: indicator("", `ParseJSON(attributes["http.route"])["a"] == 1`, 0)},
	)
	require.NoError(t, err)
	resource, scope, s := span("shop", "no JSON", time.Millisecond, ptrace.StatusCodeOk)
	got, failed := spans.Of(resource.Resource()).Judge(t.Context(), resource, scope, s, nil)
	assert.Equal(t, []Verdict{{1, false, nil}}, got)
	assert.Equal(t, 2, failed)
}

func TestErrorsNameTheConditions(t *testing.T) {
	_, err := spansOf(t,
		objective.Objective{Indicator: indicator("attributes[", "true", 0)},
		objective.Objective{Indicator: indicator("", "nonsense == 1", 0)},
	)
	require.Error(t, err)
	assert.ErrorContains(t, err, "objectives[0].indicator.spans.match: ")
	assert.ErrorContains(t, err, "objectives[1].indicator.spans.bad: ")
}

func TestWeight(t *testing.T) {
	for state, want := range map[string]uint64{
		"":                                   window.One,
		"vendor=x":                           window.One,
		"ot=th:8":                            2 * window.One,
		"vendor=x,ot=th:c;rv:ffffffffffffff": 4 * window.One,
		"ot=th:0":                            window.One,
		"ot=rv:ffffffffffffff":               window.One,
		"ot=th:zz":                           window.One,
		"ot=th:ffffffffffffff":               window.MaxWeight,
		"ot=th:ffff":                         window.One << 16,
	} {
		assert.Equal(t, want, Weight(state), state)
	}
}

func BenchmarkJudge(b *testing.B) {
	var objectives []objective.Objective
	for range 10 {
		objectives = append(objectives,
			objective.Objective{Service: "shop", Indicator: indicator(checkout, "status.code == STATUS_CODE_ERROR", 0)},
			objective.Objective{Service: "other", Indicator: indicator(checkout, "status.code == STATUS_CODE_ERROR", 0)})
	}
	spans, err := spansOf(b, objectives...)
	require.NoError(b, err)
	for _, route := range []string{"/checkout", "/list"} {
		b.Run("20 objectives, 10 of the service, route "+route, func(b *testing.B) {
			resource, scope, s := span("shop", route, time.Millisecond, ptrace.StatusCodeOk)
			var verdicts []Verdict
			b.ReportAllocs()
			for b.Loop() {
				verdicts, _ = spans.Of(resource.Resource()).Judge(b.Context(), resource, scope, s, verdicts[:0])
			}
		})
	}
}
