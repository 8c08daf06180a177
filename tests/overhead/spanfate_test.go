// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// spanFate is what became of spans: how many the agent got, and how many are
// counted as lost by the SDK, by the kernel's programs and by the agent.
type spanFate struct{ delivered, sdk, kernel, agent int }

func (f spanFate) known() int { return f.delivered + f.sdk + f.kernel + f.agent }

// otherRecords are how many records of other things than spans may be among those
// that the programs count as lost, where the buffer was full: stops of the world.
const otherRecords = 100

// awaitFate waits until every span that a program has made is delivered or counted.
// Where nothing is counted as lost, there are neither fewer nor more.
func awaitFate(b *testing.B, way variant, r spanRound) (fate spanFate) {
	b.Helper()
	_ = assert.Eventually(b, func() bool {
		scraped := metrics(b)
		fate = spanFate{
			delivered: counted(b, scraped, "receiver_accepted_spans", ""),
			sdk:       int(r.Dropped + r.Failed),
			kernel:    counted(b, scraped, "receiver_ebpf_kernel_records_dropped", "buffer_full|goroutines_full|scratch_busy|span_unreadable"),
			agent:     counted(b, scraped, "receiver_ebpf_records_dropped", ".*") + counted(b, scraped, "receiver_refused_spans", ""),
		}
		return fate.known() >= r.all
	}, 30*time.Second, 100*time.Millisecond)
	more := 0
	if fate.kernel > 0 {
		more = otherRecords
	}
	require.Truef(b, fate.known() >= r.all && fate.known() <= r.all+more,
		"%s: of %d spans, %d are delivered, %d counted as lost by the SDK, %d by the programs, %d by the agent",
		way.name, r.all, fate.delivered, fate.sdk, fate.kernel, fate.agent)
	return fate
}

// counted is the sum of a counter of the agent's own over the reasons that an
// expression matches, over all where it is empty.
func counted(b *testing.B, scraped []byte, name, reasons string) (sum int) {
	b.Helper()
	labels := `[^}]*`
	if reasons != "" {
		labels = fmt.Sprintf(`[^}]*reason="(?:%s)"[^}]*`, reasons)
	}
	line := regexp.MustCompile(`(?m)^otelcol_` + name + `(?:_total)?\{` + labels + `\} (\S+)$`)
	for _, match := range line.FindAllSubmatch(scraped, -1) {
		n, err := strconv.ParseFloat(string(match[1]), 64)
		require.NoError(b, err)
		sum += int(n)
	}
	return sum
}

// reportSpans prints a column a way: medians over the rounds, and below those of the
// program the median ratio to the same round without an agent.
func reportSpans(b *testing.B, load spanLoad, measured map[string][]spanRound) {
	ways := spanWays()
	without := measured[ways[0].name]
	fmt.Printf("\n%d spans/s are asked for\n", load.rate)
	heading(fmt.Sprintf("median of %d rounds", load.rounds), ways)
	each := func(what, format string, value func(*spanRound) float64) {
		row(what, format, ways, func(v variant) float64 { return median(measured[v.name], value) })
	}
	compared := func(what string, value func(*spanRound) float64) {
		each(what, "%.2f", value)
		row("  to without", "%.3fx", ways, func(v variant) float64 { return ratio(measured[v.name], without, value) })
	}
	micro := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	each("spans/s", "%.0f", func(r *spanRound) float64 { return float64(r.Made) / r.Took.Seconds() })
	compared("target CPU, µs/span", (*spanRound).targetCPU)
	row("  more than without", "%.2f", ways, func(v variant) float64 { return more(measured[v.name], without) })
	compared("End p50, µs", func(r *spanRound) float64 { return micro(r.End.P50) })
	compared("End p99, µs", func(r *spanRound) float64 { return micro(r.End.P99) })
	compared("operation p50, µs", func(r *spanRound) float64 { return micro(r.Operation.P50) })
	compared("operation p99, µs", func(r *spanRound) float64 { return micro(r.Operation.P99) })
	each("agent CPU, µs/span", "%.2f", (*spanRound).agentPerSpan)
	each("agent RSS, MiB", "%.1f", func(r *spanRound) float64 { return r.agentMiB })
	for _, count := range []struct {
		what string
		of   func(*spanRound) int
	}{
		{"spans made, all rounds", func(r *spanRound) int { return r.all }},
		{"  delivered", func(r *spanRound) int { return r.fate.delivered }},
		{"  lost, SDK counts", func(r *spanRound) int { return r.fate.sdk }},
		{"  lost, kernel counts", func(r *spanRound) int { return r.fate.kernel }},
		{"  lost, agent counts", func(r *spanRound) int { return r.fate.agent }},
	} {
		row(count.what, "%.0f", ways, func(v variant) (sum float64) {
			for i := range measured[v.name] {
				sum += float64(count.of(&measured[v.name][i]))
			}
			return sum
		})
	}
	fmt.Println()
	for _, way := range ways[1:] {
		b.ReportMetric(more(measured[way.name], without), way.name+"-target-µs/span")
	}
}

// more is the median of what the rounds took of the program's CPU more than those
// without an agent, in µs a span.
func more(of, without []spanRound) float64 {
	differences := make([]float64, len(of))
	for i := range of {
		differences[i] = of[i].targetCPU() - without[i].targetCPU()
	}
	return median(differences, func(d *float64) float64 { return *d })
}
