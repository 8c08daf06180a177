// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
)

type times map[ledger.Cause]time.Duration

func (t times) ledger() ledger.Ledger {
	var l ledger.Ledger
	for cause, d := range t {
		l[cause] = uint64(d)
	}
	return l
}

func TestTolerance(t *testing.T) {
	require.Equal(t, 200*time.Microsecond, Exact().Of(0))
	require.Equal(t, 200*time.Microsecond, Exact().Of(10*time.Millisecond))
	require.Equal(t, 2*time.Millisecond, Exact().Of(100*time.Millisecond))
	require.Equal(t, 2*time.Millisecond, Sampled().Of(SampledFrom))
}

func TestCompare(t *testing.T) {
	const ms = time.Millisecond
	five := Tolerance{Share: 0.05}
	for _, test := range []struct {
		name                string
		reference, observed times
		// bad are the parts that must be found outside of the tolerance of 5 ms.
		bad []string
	}{
		{"equal",
			times{ledger.OnCPU: 60 * ms, ledger.Sleep: 40 * ms},
			times{ledger.OnCPU: 60 * ms, ledger.Sleep: 40 * ms}, nil},
		{"within the tolerance",
			times{ledger.OnCPU: 60 * ms, ledger.Sleep: 40 * ms},
			times{ledger.OnCPU: 65 * ms, ledger.Sleep: 35 * ms}, nil},
		{"just outside",
			times{ledger.OnCPU: 60 * ms, ledger.Sleep: 40 * ms},
			times{ledger.OnCPU: 60*ms + 5*ms + 1, ledger.Sleep: 35*ms - 1},
			[]string{"on_cpu", "executing", "sleep"}},
		{"the thread waited for a CPU",
			times{ledger.OnCPU: 60 * ms, ledger.Sleep: 40 * ms},
			times{ledger.OnCPU: 30 * ms, ledger.OSRunqueue: 30 * ms, ledger.Sleep: 40 * ms}, nil},
		{"the thread waited for a CPU in a mark assist",
			times{ledger.GCAssist: 100 * ms},
			times{ledger.GCAssist: 40 * ms, ledger.OSRunqueue: 60 * ms}, nil},
		{"a mark assist that was not seen",
			times{ledger.GCAssist: 100 * ms},
			times{ledger.GCAssist: 40 * ms, ledger.OnCPU: 60 * ms},
			[]string{"on_cpu", "gc_assist"}},
		{"a mark assist that was not one",
			times{ledger.OnCPU: 100 * ms},
			times{ledger.OnCPU: 60 * ms, ledger.GCAssist: 40 * ms},
			[]string{"gc_assist"}},
		{"the runtime's own system calls",
			times{ledger.OnCPU: 100 * ms},
			times{ledger.OnCPU: 60 * ms, ledger.SyscallOther: 40 * ms}, nil},
		{"system calls of unknown class",
			times{ledger.SyscallOther: 100 * ms},
			times{ledger.SyscallFile: 100 * ms}, nil},
		{"a system call on a file that was none",
			times{ledger.OnCPU: 100 * ms},
			times{ledger.OnCPU: 60 * ms, ledger.SyscallFile: 40 * ms},
			[]string{"syscall.file+network"}},
		{"computing where it slept",
			times{ledger.Sleep: 100 * ms},
			times{ledger.OSRunqueue: 100 * ms},
			[]string{"executing", "sleep"}},
		{"what was not explained",
			times{ledger.BlockedMutex: 100 * ms},
			times{ledger.BlockedMutex: 90 * ms, ledger.Unattributed: 10 * ms},
			[]string{"blocked.mutex", "unattributed"}},
		{"one kind of waiting for another",
			times{ledger.BlockedSelect: 100 * ms},
			times{ledger.BlockedNetwork: 100 * ms},
			[]string{"blocked.network", "blocked.select"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			differences := Compare(test.reference.ledger(), test.observed.ledger(), 100*ms, five)
			var bad []string
			for _, d := range differences {
				if !d.Within {
					bad = append(bad, d.Part)
				}
			}
			require.Equal(t, test.bad, bad)
			require.Equal(t, len(test.bad) == 0, Agrees(differences))
		})
	}
}

// A cause that Compare forgot would never be judged.
func TestCompareSeesEveryCause(t *testing.T) {
	for cause := range ledger.Cause(ledger.NumCauses) {
		var none, all ledger.Ledger
		all[cause] = uint64(time.Second)
		require.False(t, Agrees(Compare(none, all, 100*time.Millisecond, Exact())), "too much %s must be noticed", cause)
		require.False(t, Agrees(Compare(all, none, 100*time.Millisecond, Exact())), "too little %s must be noticed", cause)
	}
}

func TestTable(t *testing.T) {
	const ms = time.Millisecond
	var table Table
	require.Zero(t, table.Agreeing())
	reference := times{ledger.OnCPU: 10 * ms, ledger.Sleep: 90 * ms}.ledger()
	for range 3 {
		table.Add(Compare(reference, reference, 100*ms, Exact()))
	}
	table.Add(Compare(reference, times{ledger.OnCPU: 10 * ms, ledger.BlockedChannel: 90 * ms}.ledger(), 100*ms, Exact()))
	require.Equal(t, 4, table.Spans())
	require.InDelta(t, 0.75, table.Agreeing(), 1e-9)
	require.InDelta(t, 0.75, table.Within("sleep"), 1e-9)
	require.InDelta(t, 1, table.Within("runnable"), 1e-9)
	require.Zero(t, table.Within("no such part"))

	var out strings.Builder
	require.NoError(t, table.Write(&out))
	require.Equal(t, []string{"part", "spans", "max", "off", "p99", "off", "within"}, strings.Fields(line(t, out.String(), "part")))
	require.Equal(t, strings.Fields("sleep 4 90.000 ms 90.000 ms 75.0 %"), strings.Fields(line(t, out.String(), "sleep")))
	require.Equal(t, strings.Fields("runnable 0 0.000 ms 0.000 ms 100.0 %"), strings.Fields(line(t, out.String(), "runnable")))
	require.Equal(t, strings.Fields("all parts 4 75.0 %"), strings.Fields(line(t, out.String(), "all parts")))
}

func line(t *testing.T, text, start string) string {
	t.Helper()
	for candidate := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(candidate), start) {
			return candidate
		}
	}
	require.Failf(t, "no such line", "%q in:\n%s", start, text)
	return ""
}

func TestPercentile(t *testing.T) {
	var sorted []time.Duration
	for i := range 200 {
		sorted = append(sorted, time.Duration(i+1))
	}
	require.EqualValues(t, 198, percentile(sorted, 99))
	require.EqualValues(t, 1, percentile(sorted[:1], 99))
}
