// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestCausesAreNamedOnceAndParsed(t *testing.T) {
	seen := map[string]bool{}
	for c := range Cause(NumCauses) {
		require.False(t, seen[c.String()], c)
		seen[c.String()] = true
		for _, name := range []string{c.String(), c.Attribute()} {
			parsed, err := ParseCause(name)
			require.NoError(t, err)
			require.Equal(t, c, parsed)
		}
	}
	_, err := ParseCause("dominant")
	require.ErrorContains(t, err, "dominant")
}

// The BPF programs number causes by an enum of their own.
func TestCausesAreNumberedAsInTheKernel(t *testing.T) {
	header, err := os.ReadFile("../../bpf/headers/ledger.h")
	require.NoError(t, err)
	enum := regexp.MustCompile(`(?s)enum cause \{(.*?)\}`).FindSubmatch(header)
	require.NotNil(t, enum)
	var want []string
	for c := range Cause(NumCauses) {
		want = append(want, strings.ToUpper(strings.ReplaceAll(c.String(), ".", "_")))
	}
	want = append(want, "CAUSES")
	require.Equal(t, want, regexp.MustCompile(`\w+`).FindAllString(string(enum[1]), -1))
}

func TestFit(t *testing.T) {
	for name, test := range map[string]struct {
		ledger   Ledger
		duration uint64
		want     Ledger
		excess   uint64
	}{
		"what is missing is unattributed": {Ledger{OnCPU: 5}, 7, Ledger{OnCPU: 5, Unattributed: 2}, 0},
		"equal":                           {Ledger{Sleep: 5}, 5, Ledger{Sleep: 5}, 0},
		"excess from unattributed":        {Ledger{Sleep: 5, Unattributed: 3}, 6, Ledger{Sleep: 5, Unattributed: 1}, 2},
		"then from the largest":           {Ledger{OnCPU: 1, Sleep: 5, Unattributed: 1}, 4, Ledger{OnCPU: 1, Sleep: 3}, 3},
		"and the next":                    {Ledger{OnCPU: 4, Sleep: 5}, 2, Ledger{OnCPU: 2}, 7},
		"no time at all":                  {Ledger{OnCPU: 4}, 0, Ledger{}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			excess := test.ledger.Fit(test.duration)
			require.Equal(t, test.want, test.ledger)
			require.Equal(t, test.excess, excess)
		})
	}
}

func TestFitAlwaysSumsToTheDuration(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		var l Ledger
		for c := range l {
			l[c] = random.Uint64N(1000)
		}
		total, duration := l.Total(), random.Uint64N(20_000)
		excess := l.Fit(duration)
		require.Equal(t, duration, l.Total())
		require.Equal(t, max(total, duration)-duration, excess)
	}
}

func TestDominant(t *testing.T) {
	cause, ns := Ledger{}.Dominant()
	require.Equal(t, Unattributed, cause)
	require.Zero(t, ns)
	cause, ns = Ledger{Runnable: 3, Sleep: 3}.Dominant()
	require.Equal(t, Runnable, cause)
	require.EqualValues(t, 3, ns)
}

func TestAttributesRoundTrip(t *testing.T) {
	want := Ledger{OnCPU: 12, BlockedMutex: 34}
	attributes := pcommon.NewMap()
	attributes.PutStr("http.route", "/")
	want.Put(attributes, Sampled)
	require.Equal(t, map[string]any{
		"http.route": "/", "fathom.time.on_cpu": int64(12), "fathom.time.blocked.mutex": int64(34),
		"fathom.time.unattributed": int64(0), "fathom.time.dominant": "blocked.mutex", "fathom.time.source": "sampled",
	}, attributes.AsRaw())
	got, source, ok := FromAttributes(attributes)
	require.True(t, ok)
	require.Equal(t, want, got)
	require.Equal(t, Sampled, source)
}

func TestFromAttributesRefusesWhatPutDoesNotWrite(t *testing.T) {
	for name, raw := range map[string]map[string]any{
		"no ledger":      {"fathom.time.on_cpu": 1},
		"unknown source": {"fathom.time.source": "guess"},
		"unknown cause":  {"fathom.time.source": "exact", "fathom.time.lunch": 1},
		"text":           {"fathom.time.source": "exact", "fathom.time.sleep": "1"},
		"negative":       {"fathom.time.source": "exact", "fathom.time.sleep": -1},
	} {
		t.Run(name, func(t *testing.T) {
			attributes := pcommon.NewMap()
			require.NoError(t, attributes.FromRaw(raw))
			_, _, ok := FromAttributes(attributes)
			require.False(t, ok)
		})
	}
}

func BenchmarkPut(b *testing.B) {
	l := Ledger{OnCPU: 12, Runnable: 3, BlockedMutex: 34}
	attributes := pcommon.NewMap()
	attributes.EnsureCapacity(8)
	for b.Loop() {
		attributes.Clear()
		l.Put(attributes, Exact)
	}
}
