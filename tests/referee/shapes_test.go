// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver"
)

const (
	// agreement is the share of spans whose ledger must be right in all parts, of
	// all programs together; one program may have a little less.
	agreement    = 0.99
	agreementOne = 0.97
	// Likewise of sampled ledgers, of a machine that may be busy with other things.
	sampledAgreement    = 0.97
	sampledAgreementOne = 0.90
	// unexplained is the share of their time that may be unattributed.
	unexplained = 0.01
)

// verdict is about all spans of one program.
type verdict struct {
	Table
	observed  ledger.Ledger // of all spans together
	differing []string      // the spans that are off most, worst first
	off       []time.Duration
}

// note keeps a few of the spans that are off.
func (v *verdict) note(off time.Duration, text string) {
	at, _ := slices.BinarySearchFunc(v.off, off, func(a, b time.Duration) int { return cmp.Compare(b, a) })
	v.off, v.differing = slices.Insert(v.off, at, off), slices.Insert(v.differing, at, text)
	n := min(len(v.off), 4)
	v.off, v.differing = v.off[:n], v.differing[:n]
}

func offMost(differences []Difference) time.Duration {
	return slices.MaxFunc(differences, func(a, b Difference) int { return cmp.Compare(a.Off, b.Off) }).Off
}

func (v *verdict) unexplained() float64 {
	return share(int(v.observed[ledger.Unattributed]), int(v.observed.Total()))
}

// judge compares what was observed with the reference. A span without a ledger
// has all of its time unattributed.
func judge(reference []Span, observed map[string]observed, compare func(reference, observed ledger.Ledger, duration time.Duration) []Difference) *verdict {
	v := &verdict{}
	for _, span := range reference {
		seen, ok := observed[span.ID]
		if !ok {
			seen.ledger[ledger.Unattributed] = uint64(span.Duration)
		}
		differences := compare(span.Ledger, seen.ledger, span.Duration)
		v.Add(differences)
		for cause := range span.Ledger {
			v.observed[cause] += seen.ledger[cause]
		}
		if !Agrees(differences) {
			v.note(offMost(differences), differing(span, seen.ledger, differences))
		}
	}
	return v
}

// TestExactLedgersAgreeWithTheTracer runs programs of several shapes under Go's
// execution tracer and under the receiver at once.
func TestExactLedgersAgreeWithTheTracer(t *testing.T) {
	w := watch(t, ebpfreceiver.ModeExact)
	tables := map[string]*Table{}
	spans, agreeing := 0, 0.0
	for _, shape := range w.shapes() {
		t.Run(shape, func(t *testing.T) {
			reference, seen := w.run(t, shape, 200, 5*time.Millisecond)
			v := judge(reference, seen, func(reference, observed ledger.Ledger, duration time.Duration) []Difference {
				return Compare(reference, observed, duration, Exact())
			})
			tables[shape] = &v.Table
			v.log(t)
			spans += v.Spans()
			agreeing += v.Agreeing() * float64(v.Spans())
			require.GreaterOrEqual(t, v.Agreeing(), agreementOne)
			require.Less(t, v.unexplained(), unexplained)
		})
	}
	fmt.Printf("\nexact ledgers, within 2 %% of the span or 0.2 ms: %s of %d spans\n\n", percent(agreeing/float64(spans)), spans)
	require.NoError(t, WritePrograms(os.Stdout, tables))
	require.GreaterOrEqual(t, agreeing/float64(spans), agreement)
}

// TestSampledLedgersAgreeWithTheTracer does the same where goroutines are looked
// at, with spans that are long enough for that.
func TestSampledLedgersAgreeWithTheTracer(t *testing.T) {
	w := watch(t, ebpfreceiver.ModeSampled)
	tables := map[string]*Table{}
	spans, agreeing := 0, 0.0
	for _, shape := range w.shapes() {
		t.Run(shape, func(t *testing.T) {
			reference, seen := w.run(t, shape, 40, 60*time.Millisecond)
			reference = slices.DeleteFunc(reference, func(s Span) bool { return s.Duration < SampledFrom })
			v := judge(reference, seen, func(reference, observed ledger.Ledger, duration time.Duration) []Difference {
				return CompareSampled(reference, observed, duration, Sampled())
			})
			tables[shape] = &v.Table
			v.log(t)
			spans += v.Spans()
			agreeing += v.Agreeing() * float64(v.Spans())
			require.GreaterOrEqual(t, v.Agreeing(), sampledAgreementOne)
			require.Less(t, v.unexplained(), unexplained)
		})
	}
	fmt.Printf("\nsampled ledgers of spans over %v, within 10 %% of the span: %s of %d spans\n\n", SampledFrom, percent(agreeing/float64(spans)), spans)
	require.NoError(t, WritePrograms(os.Stdout, tables))
	require.GreaterOrEqual(t, agreeing/float64(spans), sampledAgreement)
}

func (v *verdict) log(t *testing.T) {
	t.Helper()
	t.Logf("%d spans, %s within, %s unattributed", v.Spans(), percent(v.Agreeing()), percent(v.unexplained()))
	for _, text := range v.differing {
		t.Log(text)
	}
}

func differing(span Span, observed ledger.Ledger, differences []Difference) string {
	var text strings.Builder
	text.WriteString("span " + span.ID + " of " + span.Duration.String() + ":")
	for _, d := range differences {
		if !d.Within {
			text.WriteString(" " + d.Part + " off by " + d.Off.String())
		}
	}
	text.WriteString("\n  tracer " + named(span.Ledger) + "\n  Fathom " + named(observed))
	return text.String()
}

// named are the parts of a ledger that took time.
func named(l ledger.Ledger) string {
	var parts []string
	for cause, ns := range l {
		if ns > 0 {
			parts = append(parts, ledger.Cause(cause).String()+" "+time.Duration(ns).String())
		}
	}
	return strings.Join(parts, ", ")
}
