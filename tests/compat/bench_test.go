// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
	"github.com/fathom-otel/fathom/internal/sampledata"
)

const (
	// rowsPerBatch is the rows of one batch in the benchmarks, batchesInTurn how many
	// of them take turns, and rounds how often each side has its turn.
	rowsPerBatch  = 8192
	batchesInTurn = 4
	rounds        = 5
)

// cost is what one side took for a row: of all CPUs, garbage collection
// included, by the clock, and allocations.
type cost struct{ cpu, wall, allocations float64 }

// BenchmarkBesideContrib sends the same batches by both exporters, in turns, to a
// process that drops them, and prints what a row costs each: conversion, encoding,
// compression and writing to the connection. A figure is the median of the rounds.
func BenchmarkBesideContrib(b *testing.B) {
	sink := startSink(b, engineTypes(b))
	defer sink.end(b)
	g := sampledata.New(1)
	signals := []struct {
		name string
		data batch
	}{{name: "span"}, {name: "log"}}
	for range batchesInTurn {
		signals[0].data.traces = append(signals[0].data.traces, g.Traces(rowsPerBatch))
		signals[1].data.logs = append(signals[1].data.logs, g.Logs(rowsPerBatch))
	}
	for _, kind := range kinds() {
		data := batch{}
		for range batchesInTurn {
			data.metrics = append(data.metrics, g.Metrics(kind, rowsPerBatch))
		}
		signals = append(signals, struct {
			name string
			data batch
		}{strings.ToLower(kind.String()), data})
	}
	for range b.N {
		fmt.Printf("%-21s %-5s %21s %21s %19s %7s\n", "", "", "CPU µs/row", "wall µs/row", "allocations/row", "CPU")
		fmt.Printf("%-21s %-5s %10s %10s %10s %10s %9s %9s %7s\n", "row", "", contrib, fathom, contrib, fathom, contrib, fathom, "ratio")
		for n, signal := range signals {
			for _, compress := range []string{"none", "lz4", "zstd"} {
				if n > 1 && compress != "lz4" {
					continue
				}
				costs := compare(b, sink.endpoint, compress, signal.data)
				theirs, ours := costs[contrib], costs[fathom]
				fmt.Printf("%-21s %-5s %10.2f %10.2f %10.2f %10.2f %9.1f %9.3f %6.1fx\n", signal.name, compress,
					theirs.cpu, ours.cpu, theirs.wall, ours.wall, theirs.allocations, ours.allocations, theirs.cpu/ours.cpu)
			}
		}
	}
}

// compare lets both sides send the data in turns.
func compare(b *testing.B, endpoint, compress string, data batch) map[string]cost {
	b.Helper()
	measured := map[string][]cost{}
	senders := map[string]*sender{}
	for _, side := range []string{contrib, fathom} {
		senders[side] = start(b, side, endpoint, map[string]any{"compress": compress})
		senders[side].mustSend(b, data) // buffers grow
	}
	for range rounds {
		for side, s := range senders {
			runtime.GC()
			s.mustSend(b, data.first()) // what the collection took of contrib's buffers grows again
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			cpu, clock := cpuTime(), time.Now()
			s.mustSend(b, data)
			wall := time.Since(clock)
			used := cpuTime() - cpu
			runtime.ReadMemStats(&after)
			const rows = rowsPerBatch * batchesInTurn
			measured[side] = append(measured[side], cost{
				cpu:         used.Seconds() * 1e6 / rows,
				wall:        wall.Seconds() * 1e6 / rows,
				allocations: float64(after.Mallocs-before.Mallocs) / rows,
			})
		}
	}
	medians := map[string]cost{}
	for side, costs := range measured {
		medians[side] = cost{
			cpu:         median(costs, func(c cost) float64 { return c.cpu }),
			wall:        median(costs, func(c cost) float64 { return c.wall }),
			allocations: median(costs, func(c cost) float64 { return c.allocations }),
		}
	}
	return medians
}

func median(costs []cost, of func(cost) float64) float64 {
	values := make([]float64, len(costs))
	for i, c := range costs {
		values[i] = of(c)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// engineTypes is the types of contrib's tables, as an engine has them.
func engineTypes(b *testing.B) tableTypes {
	b.Helper()
	engine := enginetest.Start(b)
	start(b, contrib, engine, nil)
	rows, err := open(b, engine).Query(context.Background(), "SELECT table, name, type FROM system.columns WHERE database = 'otel'")
	require.NoError(b, err)
	types := tableTypes{}
	for rows.Next() {
		var table, name, kind string
		require.NoError(b, rows.Scan(&table, &name, &kind))
		if types[table] == nil {
			types[table] = map[string]string{}
		}
		types[table][name] = kind
	}
	require.NoError(b, rows.Err())
	return types
}
