// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/fathom-otel/fathom/internal/enginetest"
	"github.com/fathom-otel/fathom/internal/sampledata"
)

const (
	// distinctRequests take turns, over so many connections at once.
	distinctRequests = 6
	connections      = 4
	// requestsBefore are sent before the measurement, so that buffers and heap have
	// grown; requestsMeasured are measured, requestsStored go to a real engine.
	requestsBefore   = 16
	requestsMeasured = 96
	requestsStored   = 12
)

// BenchmarkEndToEnd sends OTLP over gRPC to a process with one side's exporter, as a
// gateway does: requests of 8192 spans, each answered when it is stored. What it
// prints of CPU time and memory is that process's alone: gRPC, decoding of OTLP and
// the exporter, with a sink behind it. Some more requests go to a real engine, where
// the rows are counted.
func BenchmarkEndToEnd(b *testing.B) {
	types := engineTypes(b)
	g := sampledata.New(1)
	var requests []ptraceotlp.ExportRequest
	for range distinctRequests {
		requests = append(requests, ptraceotlp.NewExportRequestFromTraces(g.Traces(rowsPerBatch)))
	}
	for range b.N {
		fmt.Printf("%-8s %9s %9s %14s %10s %10s %17s\n", "OTLP in", "spans", "CPU s", "spans/s/core", "mean RSS", "peak RSS", "stored by engine")
		perCore := map[string]float64{}
		for _, side := range []string{contrib, fathom} {
			const rows = rowsPerBatch * requestsMeasured
			used := sustained(b, side, types, requests)
			perCore[side] = rows / used.cpu.Seconds()
			fmt.Printf("%-8s %9d %9.2f %14.0f %6.0f MiB %6.0f MiB %9d of %d\n", side, rows, used.cpu.Seconds(), perCore[side],
				used.meanRSS/(1<<20), used.peakRSS/(1<<20), stored(b, side, requests), rowsPerBatch*requestsStored)
		}
		fmt.Printf("ratio of spans/s/core: %.1fx\n", perCore[fathom]/perCore[contrib])
	}
}

// usage is what a process took: CPU time, and memory in bytes.
type usage struct {
	cpu              time.Duration
	meanRSS, peakRSS float64
}

// sustained measures one side's process under load, with a sink behind it.
func sustained(b *testing.B, side string, types tableTypes, requests []ptraceotlp.ExportRequest) usage {
	b.Helper()
	sink := startSink(b, types)
	defer sink.end(b)
	collector := startChild(b, roleCollector, side, sink.endpoint)
	defer collector.end(b)
	collector.ready(b)
	load(b, collector.endpoint, requests, requestsBefore)
	var used usage
	before := cpuOf(b, collector.process.Process.Pid)
	done := make(chan struct{})
	var samples []float64
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			if rss, err := residentMemory(collector.process.Process.Pid); err == nil {
				samples = append(samples, rss)
			}
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	load(b, collector.endpoint, requests, requestsMeasured)
	close(done)
	watcher.Wait()
	used.cpu = cpuOf(b, collector.process.Process.Pid) - before
	require.NotEmpty(b, samples)
	for _, rss := range samples {
		used.meanRSS += rss / float64(len(samples))
		used.peakRSS = max(used.peakRSS, rss)
	}
	return used
}

// stored is how many rows are in a real engine when all requests were answered.
func stored(b *testing.B, side string, requests []ptraceotlp.ExportRequest) (rows uint64) {
	b.Helper()
	engine := enginetest.Start(b)
	collector := startChild(b, roleCollector, side, engine)
	defer collector.end(b)
	collector.ready(b)
	load(b, collector.endpoint, requests, requestsStored)
	require.NoError(b, open(b, engine).QueryRow(b.Context(), "SELECT count() FROM otel.otel_traces").Scan(&rows))
	require.EqualValues(b, rowsPerBatch*requestsStored, rows)
	return rows
}

// load sends n requests over some connections at once, each when the one before it
// was answered.
func load(b *testing.B, endpoint string, requests []ptraceotlp.ExportRequest, n int) {
	b.Helper()
	var senders sync.WaitGroup
	failures := make([]error, connections)
	for sender := range connections {
		senders.Go(func() {
			conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				failures[sender] = err
				return
			}
			client := ptraceotlp.NewGRPCClient(conn)
			for i := range n / connections {
				ctx, cancel := context.WithTimeout(b.Context(), patience)
				_, err = client.Export(ctx, requests[(i+sender)%len(requests)])
				cancel()
				if err != nil {
					break
				}
			}
			failures[sender] = errors.Join(err, conn.Close())
		})
	}
	senders.Wait()
	require.NoError(b, errors.Join(failures...))
}

// receiver hands what comes over gRPC to an exporter, as the Collector's OTLP
// receiver does.
type receiver struct {
	ptraceotlp.UnimplementedGRPCServer
	next exporter.Traces
}

// Export answers when the exporter has stored the spans.
func (r *receiver) Export(ctx context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	return ptraceotlp.NewExportResponse(), r.next.ConsumeTraces(ctx, request.Traces())
}

// runCollector is the process of one side's exporter, until its input ends.
func runCollector(side, clickhouse string) error {
	s, err := newSender(context.Background(), side, clickhouse, map[string]any{"compress": "lz4"})
	if err != nil {
		return err
	}
	for _, each := range s.components() {
		if err := each.Start(context.Background(), nil); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	ptraceotlp.RegisterGRPCServer(server, &receiver{next: s.traces})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Println(listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.GracefulStop()
	return errors.Join(<-served, s.shutdown())
}

// cpuOf is the CPU time that a process has used, in ticks of 10 ms. Source:
// proc_pid_stat(5).
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const utime, stime, tick = 11, 12, 10 * time.Millisecond // behind the name
	user, err := strconv.ParseInt(fields[utime], 10, 64)
	require.NoError(b, err)
	system, err := strconv.ParseInt(fields[stime], 10, 64)
	require.NoError(b, err)
	return time.Duration(user+system) * tick
}

// residentMemory is a process's RSS in bytes.
func residentMemory(pid int) (float64, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm of process %d: %q", pid, statm)
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	return pages * float64(os.Getpagesize()), err
}
