// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
)

const ms = time.Millisecond

// spent is a ledger with nanoseconds for some causes.
func spent(times map[ledger.Cause]time.Duration) (l ledger.Ledger) {
	for cause, d := range times {
		l[cause] = uint64(d)
	}
	return l
}

// sample is a report in which every kind of line occurs.
func sample() *Report {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	charge := &Span{ID: "d", ParentID: "c", Name: "POST /charge", Kind: "Server", Service: "payment", Maker: Fathom,
		Start: start.Add(31 * ms), Duration: 20 * time.Microsecond, HasLedger: true, Failed: true,
		Ledger: spent(map[ledger.Cause]time.Duration{ledger.OnCPU: 20 * time.Microsecond})}
	call := &Span{ID: "c", ParentID: "a", Name: "HTTP POST", Kind: "Client", Service: "checkout", Maker: SDK,
		Start: start.Add(30 * ms), Duration: 2 * ms}
	fraud := &Span{ID: "b", ParentID: "a", Name: "shop.v1.Fraud/Check", Kind: "Client", Service: "checkout", Maker: SDK,
		Start: start.Add(ms), Duration: 5*ms + 250*time.Microsecond, HasLedger: true,
		Ledger: spent(map[ledger.Cause]time.Duration{ledger.BlockedNetwork: 5 * ms, ledger.Runnable: 250 * time.Microsecond})}
	order := &Span{ID: "a", Name: "POST /checkout", Kind: "Server", Service: "checkout", Maker: SDK,
		Start: start, Duration: 184 * ms, HasLedger: true,
		Ledger: spent(map[ledger.Cause]time.Duration{
			ledger.OnCPU: 12100 * time.Microsecond, ledger.BlockedMutex: 96 * ms, ledger.BlockedNetwork: 61200 * time.Microsecond,
			ledger.SyscallFile: 11800 * time.Microsecond, ledger.StopTheWorld: 49 * time.Microsecond, ledger.Unattributed: 2851 * time.Microsecond,
		}),
		GCOverlap: 800 * time.Microsecond, GCCycle: 41, StopOverlap: 60 * time.Microsecond,
		Files: []File{
			{Operation: "fsync", Path: "/var/lib/shop/wal", Times: 2, Duration: 11200 * time.Microsecond},
			{Operation: "open", Path: "/etc/shop", Times: 1, Duration: 1200 * time.Microsecond},
		}}
	return &Report{
		Spans: 4, Logs: 9, Points: 120,
		Traces: []Trace{{ID: "7f3c", Roots: grow([]*Span{charge, call, fraud, order})}},
		Routes: []Route{
			{Service: "checkout", Name: "POST /checkout", Maker: SDK, Count: 300, WithoutLedger: 15, P50: 3 * ms, P99: 184 * ms, Ledger: order.Ledger},
			{Service: "payment", Name: "POST /charge", Maker: Fathom, Count: 7, WithoutLedger: 7, P50: 20 * time.Microsecond, P99: 2 * ms},
		},
		Runtimes: []Runtime{{Service: "checkout", HeapBytes: 12 << 20, AllocatedBytes: 300 << 20, Goroutines: 17, ScheduleP99: 320 * time.Microsecond, Series: 14}},
	}
}

var update = flag.Bool("update", false, "write the golden files")

func TestRender(t *testing.T) {
	var got bytes.Buffer
	require.NoError(t, Render(&got, sample()))
	golden := filepath.Join("testdata", "report.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

func TestGrow(t *testing.T) {
	at := func(id, parent string, start time.Duration) *Span {
		return &Span{ID: id, ParentID: parent, Start: time.Unix(0, int64(start))}
	}
	roots := grow([]*Span{at("late", "root", 9), at("early", "root", 3), at("orphan", "gone", 5), at("root", "", 1), at("self", "self", 7)})
	var ids []string
	for _, root := range roots {
		ids = append(ids, root.ID)
	}
	require.Equal(t, []string{"root", "orphan", "self"}, ids)
	require.Len(t, roots[0].Children, 2)
	require.Equal(t, "early", roots[0].Children[0].ID)
}

func TestQuantile(t *testing.T) {
	bounds := []float64{1, 2, 3}
	for _, test := range []struct {
		counts []uint64
		want   float64
	}{
		{[]uint64{0, 0, 0, 0}, 0},
		{[]uint64{99, 1, 0, 0}, 1},
		{[]uint64{98, 2, 0, 0}, 2},
		{[]uint64{0, 0, 0, 5}, 3},
	} {
		require.Equal(t, test.want, quantile(0.99, bounds, test.counts), test.counts)
	}
	require.Zero(t, quantile(0.99, nil, nil))
}

func TestMissing(t *testing.T) {
	want := Wanted{Services: []string{"checkout"}, Service: "checkout", Route: "POST /checkout", Requests: 300}
	require.Empty(t, Missing(sample(), want))
	for name, test := range map[string]struct {
		change func(*Report, *Wanted)
		says   string
	}{
		"service":     {func(_ *Report, w *Wanted) { w.Services = []string{"bank"} }, "there is no span of bank"},
		"ledgers":     {func(_ *Report, w *Wanted) { w.Services = []string{"payment"} }, "none of the 7 spans of payment has a time ledger"},
		"some ledger": {func(r *Report, _ *Wanted) { r.Routes[0].WithoutLedger = 20 }, "20 of 300 spans of checkout have no time ledger"},
		"runtime":     {func(r *Report, _ *Wanted) { r.Runtimes = nil }, "there are no runtime metrics of checkout"},
		"requests":    {func(_ *Report, w *Wanted) { w.Requests = 301 }, "301 requests were sent to checkout POST /checkout, and 300 spans"},
		"traces":      {func(r *Report, _ *Wanted) { r.Traces = nil }, "there is no trace"},
		"sum":         {func(r *Report, _ *Wanted) { r.Traces[0].Roots[0].Duration++ }, "the parts of span a"},
		"sum below":   {func(r *Report, _ *Wanted) { r.Traces[0].Roots[0].Children[0].Duration++ }, "the parts of span b"},
	} {
		t.Run(name, func(t *testing.T) {
			report, wanted := sample(), want
			test.change(report, &wanted)
			missing := Missing(report, wanted)
			require.NotEmpty(t, missing)
			require.Contains(t, missing[0], test.says)
		})
	}
}
