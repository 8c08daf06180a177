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
	ways := variants()
	without := measured[ways[0].name]
	fmt.Println()
	heading(fmt.Sprintf("median of %d rounds", rounds), ways)
	for _, compared := range []struct {
		what  string
		value func(*round) float64
	}{
		{"requests/s", func(r *round) float64 { return r.load.rate() }},
		{"target CPU, µs/request", func(r *round) float64 { return r.load.perRequest() }},
		{"latency p50, µs", func(r *round) float64 { return r.load.quantile(0.5) }},
		{"latency p99, µs", func(r *round) float64 { return r.load.quantile(0.99) }},
	} {
		row(compared.what, "%.1f", ways, func(v variant) float64 { return median(measured[v.name], compared.value) })
		row("  to without", "%.3fx", ways, func(v variant) float64 { return ratio(measured[v.name], without, compared.value) })
	}
	row("agent CPU, % of a core", "%.2f", ways, func(v variant) float64 {
		return median(measured[v.name], func(r *round) float64 { return r.agent.cpuPercent })
	})
	row("agent RSS, MiB", "%.1f", ways, func(v variant) float64 {
		return median(measured[v.name], func(r *round) float64 { return r.agent.residentMiB })
	})
	fmt.Println()
	for _, v := range ways[1:] {
		b.ReportMetric(ratio(measured[v.name], without, func(r *round) float64 { return r.load.perRequest() }), v.name+"-target-cpu-ratio")
	}
}

// heading prints what a table is of and the names of its columns.
func heading(what string, columns []variant) {
	fmt.Printf("%-24s", what)
	for _, v := range columns {
		fmt.Printf(" %9s", v.name)
	}
	fmt.Println()
}

// row prints what a table has of one thing.
func row(what, format string, columns []variant, value func(variant) float64) {
	fmt.Printf("%-24s", what)
	for _, v := range columns {
		fmt.Printf(" %9s", fmt.Sprintf(format, value(v)))
	}
	fmt.Println()
}

// ratio is the median of ratios to what the same round had without.
func ratio[T any](of, without []T, value func(*T) float64) float64 {
	ratios := make([]float64, len(without))
	for i := range without {
		ratios[i] = value(&of[i]) / value(&without[i])
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
