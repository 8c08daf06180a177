// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"fmt"
	"slices"
	"testing"
)

// report prints a column a variant: medians over the rounds, and below those of
// the server the median ratio to the same round without an agent.
func report(b *testing.B, measured map[string][]round) {
	line := func(what, format string, value func(variant) float64) {
		fmt.Printf("%-24s", what)
		for _, v := range variants() {
			fmt.Printf(" %9s", fmt.Sprintf(format, value(v)))
		}
		fmt.Println()
	}
	fmt.Printf("\n%-24s", fmt.Sprintf("median of %d rounds", rounds))
	for _, v := range variants() {
		fmt.Printf(" %9s", v.name)
	}
	fmt.Println()
	for _, row := range []struct {
		what  string
		value func(*round) float64
	}{
		{"requests/s", func(r *round) float64 { return r.load.rate() }},
		{"target CPU, µs/request", func(r *round) float64 { return r.load.perRequest() }},
		{"latency p50, µs", func(r *round) float64 { return r.load.quantile(0.5) }},
		{"latency p99, µs", func(r *round) float64 { return r.load.quantile(0.99) }},
	} {
		line(row.what, "%.1f", func(v variant) float64 { return median(measured[v.name], row.value) })
		line("  to without", "%.3fx", func(v variant) float64 { return ratio(measured, v.name, row.value) })
	}
	line("agent CPU, % of a core", "%.2f", func(v variant) float64 {
		return median(measured[v.name], func(r *round) float64 { return r.agent.cpuPercent })
	})
	line("agent RSS, MiB", "%.1f", func(v variant) float64 {
		return median(measured[v.name], func(r *round) float64 { return r.agent.residentMiB })
	})
	fmt.Println()
	for _, v := range variants() {
		if v.config == "" {
			continue
		}
		b.ReportMetric(ratio(measured, v.name, func(r *round) float64 { return r.load.perRequest() }), v.name+"-target-cpu-ratio")
	}
}

// ratio is the median of a variant's ratios to what the same round had without.
func ratio(measured map[string][]round, name string, value func(*round) float64) float64 {
	without := measured[variants()[0].name]
	ratios := make([]float64, len(without))
	for i := range without {
		ratios[i] = value(&measured[name][i]) / value(&without[i])
	}
	return median(ratios, func(r *float64) float64 { return *r })
}

func median[T any](of []T, value func(*T) float64) float64 {
	values := make([]float64, len(of))
	for i := range of {
		values[i] = value(&of[i])
	}
	slices.Sort(values)
	return values[len(values)/2]
}
