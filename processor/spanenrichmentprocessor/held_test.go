// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/ledger"
)

func longWait() *Config {
	config := testConfig()
	config.Wait, config.Retention = time.Hour, time.Hour
	return config
}

// next is a consumer of traces made of a function.
func next(t *testing.T, consume func(context.Context, ptrace.Traces) error) consumer.Traces {
	t.Helper()
	c, err := consumer.NewTraces(consume)
	require.NoError(t, err)
	return c
}

// TestABatchIsSplit: only what must wait is held, and resources, scopes and
// order are kept on both ways.
func TestABatchIsSplit(t *testing.T) {
	p := startPipelines(t, longWait(), nil)
	p.sendLogs(oneLedger(shop, 1, 0, 10, mutexLedger()))
	td := ptrace.NewTraces()
	for _, service := range []string{"shop", "cart", "shop"} {
		rs := td.ResourceSpans().AppendEmpty()
		rs.SetSchemaUrl("schema of " + service)
		rs.Resource().Attributes().PutStr("service.name", service)
		for s := range 2 {
			ss := rs.ScopeSpans().AppendEmpty()
			ss.SetSchemaUrl("schema of a scope")
			ss.Scope().SetName(fmt.Sprintf("scope %d", s))
			for i := range byte(3) {
				id := byte(td.ResourceSpans().Len()*16+s*4) + i
				if service == "shop" && i == 1 {
					id = 1 // its ledger is there
				}
				addSpan(ss.Spans(), fmt.Sprintf("%s %d %d", service, s, id), id, 0, 10)
			}
		}
	}
	whole := outline(td)
	p.sendSpans(td)
	passed := outline(p.spansOut.AllTraces()[0])
	assert.Len(t, passed, 2+6+2)
	p.spansOut.Reset()
	assert.Equal(t, int64(8), p.metric("spans_held"))

	p.shutdown(t.Context())
	require.Len(t, p.spansOut.AllTraces(), 1, "what came together goes together")
	held := outline(p.spansOut.AllTraces()[0])
	assert.Len(t, held, 8)
	assert.ElementsMatch(t, whole, append(passed, held...))
	assert.True(t, isSubsequence(passed, whole) && isSubsequence(held, whole))
}

// outline lists the spans of a batch, with all that is around them.
func outline(td ptrace.Traces) (lines []string) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				lines = append(lines, fmt.Sprint(rs.Resource().Attributes().AsRaw(), rs.SchemaUrl(), ss.Scope().Name(), ss.SchemaUrl(), span.Name()))
			}
		}
	}
	return lines
}

func isSubsequence(part, whole []string) bool {
	for _, line := range whole {
		if len(part) > 0 && part[0] == line {
			part = part[1:]
		}
	}
	return len(part) == 0
}

func TestShutdownFlushesHeldSpans(t *testing.T) {
	p := startPipelines(t, longWait(), nil)
	p.sendLogs(oneLedger(shop, 9, 0, 10, mutexLedger()))
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))
	assert.Zero(t, p.spansOut.SpanCount())
	p.shutdown(t.Context())
	assert.Equal(t, 1, p.spansOut.SpanCount())
	p.shutdown(t.Context()) // once more is no harm
}

// TestShutdownEndsWithItsContext: downstream blocks, and the spans are counted.
func TestShutdownEndsWithItsContext(t *testing.T) {
	p := startPipelines(t, longWait(), next(t, func(ctx context.Context, _ ptrace.Traces) error {
		<-ctx.Done()
		return ctx.Err()
	}))
	p.sendLogs(oneLedger(shop, 9, 0, 10, mutexLedger()))
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.traces.Shutdown(ctx), context.DeadlineExceeded)
	require.Eventually(t, func() bool { return p.metric("spans_refused") == 1 }, 5*time.Second, time.Millisecond)
}

func TestHeldSpansThatDownstreamRefusesAreCounted(t *testing.T) {
	p := startPipelines(t, testConfig(), next(t, func(context.Context, ptrace.Traces) error { return errors.New("full") }))
	p.sendLogs(oneLedger(shop, 9, 0, 10, mutexLedger()))
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))
	require.Eventually(t, func() bool { return p.metric("spans_refused") == 1 }, 5*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return p.metric("spans_held") == 0 }, 5*time.Second, time.Millisecond)
	assert.Zero(t, p.metric("spans_enriched"))
}

// TestARefusedBatchLeavesNothingBehind: its sender will send it again.
func TestARefusedBatchLeavesNothingBehind(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		held int64
	}{
		"to be sent again": {errors.New("busy"), 0},
		"never again":      {consumererror.NewPermanent(errors.New("malformed")), 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPipelines(t, longWait(), next(t, func(context.Context, ptrace.Traces) error { return test.err }))
			p.sendLogs(oneLedger(shop, 1, 0, 10, mutexLedger()))
			td, spans := spanBatch(shop)
			addSpan(spans, "passes", 1, 0, 10)
			addSpan(spans, "waits", 2, 0, 10)
			require.ErrorIs(t, p.traces.ConsumeTraces(t.Context(), td), test.err)
			assert.Equal(t, test.held, p.metric("spans_held"))
		})
	}
}

func TestHeldSpansKeepTheirClient(t *testing.T) {
	var mu sync.Mutex
	var tenants []string
	p := startPipelines(t, longWait(), next(t, func(ctx context.Context, _ ptrace.Traces) error {
		mu.Lock()
		defer mu.Unlock()
		tenants = append(tenants, strings.Join(client.FromContext(ctx).Metadata.Get("tenant"), ","))
		return nil
	}))
	p.sendLogs(oneLedger(shop, 9, 0, 10, mutexLedger()))
	for i, tenant := range []string{"a", "b"} {
		ctx := client.NewContext(t.Context(), client.Info{Metadata: client.NewMetadata(map[string][]string{"tenant": {tenant}})})
		require.NoError(t, p.traces.ConsumeTraces(ctx, oneSpan(shop, "checkout", byte(i+1), 0, 10)))
	}
	p.shutdown(t.Context())
	assert.Equal(t, []string{"a", "b"}, tenants)
}

// TestMemoryBound: held spans take half of the memory at most; what does not
// fit passes at once. Records push out older ones.
func TestMemoryBound(t *testing.T) {
	config := longWait()
	config.MemoryMiB = 1
	p := startPipelines(t, config, nil)
	p.sendLogs(oneLedger(shop, 250, 0, 10, mutexLedger()))
	for i := range 20 {
		td, spans := spanBatch(shop)
		for n := range 100 {
			span := addSpan(spans, fmt.Sprint(i, "/", n), 1, 0, 10)
			span.SetTraceID(pcommon.TraceID{1: byte(i), 2: byte(n), 15: 2})
			span.Attributes().PutStr("url.path", strings.Repeat("x", 200))
		}
		p.sendSpans(td)
		assert.LessOrEqual(t, p.metric("memory"), int64(1<<20))
	}
	held, refused := p.metric("spans_held"), p.metric("spans_released", reason("memory"))
	assert.Positive(t, held)
	assert.Positive(t, refused)
	assert.Equal(t, int64(2000), held+refused)
	assert.Equal(t, int(refused), p.spansOut.SpanCount())

	for range 40 {
		ld, records := recordBatch(shop)
		for n := range 100 {
			addLedger(records, byte(n+1), 0, 10, mutexLedger())
			records.At(n).SetTraceID(pcommon.TraceID{0: byte(p.logsOut.LogRecordCount() / 100), 1: byte(n), 15: 3})
		}
		p.sendLogs(ld)
		assert.LessOrEqual(t, p.metric("memory"), int64(1<<20))
	}
	assert.Positive(t, p.metric("records_unjoined", kind("ledger"), reason("memory")))
	p.shutdown(t.Context())
	assert.Equal(t, 2000, p.spansOut.SpanCount(), "no span is lost")
}

// TestConcurrentPipelines: producers on both pipelines; each span comes out
// once, with its ledger where that came in time.
func TestConcurrentPipelines(t *testing.T) {
	const producers, batches, size = 4, 50, 20
	config := testConfig()
	config.Wait = 10 * time.Second
	p := startPipelines(t, config, nil)
	p.sendLogs(oneLedger(shop, 250, 0, 10, mutexLedger()))
	id := func(producer, batch int) pcommon.TraceID {
		return pcommon.TraceID{0: byte(producer), 1: byte(batch), 15: 9}
	}
	var wg sync.WaitGroup
	for producer := range producers {
		wg.Go(func() {
			for batch := range batches {
				td, spans := spanBatch(shop)
				for i := range byte(size) {
					addSpan(spans, fmt.Sprint(producer, batch, i), i+1, 0, 10).SetTraceID(id(producer, batch))
				}
				assert.NoError(t, p.traces.ConsumeTraces(t.Context(), td))
			}
		})
		wg.Go(func() {
			for batch := range batches {
				ld, records := recordBatch(shop)
				for i := range byte(size) {
					addLedger(records, i+1, 0, 10, mutexLedger())
					records.At(int(i)).SetTraceID(id(producer, batch))
				}
				assert.NoError(t, p.logs.ConsumeLogs(t.Context(), ld))
			}
		})
	}
	wg.Wait()
	const all = producers * batches * size
	byName := p.spans(all)
	assert.Len(t, byName, all)
	for _, span := range byName {
		_, _, ok := ledger.FromAttributes(span.Attributes())
		require.True(t, ok)
	}
	require.Eventually(t, func() bool { return p.metric("spans_enriched") == all }, 5*time.Second, time.Millisecond)
	assert.Equal(t, int64(all), p.metric("records_joined", kind("ledger")))
}

// TestBooksTellTheHeapOfHeldSpans: the estimate of what held spans take is near
// what the heap grew by, for small spans and large ones.
func TestBooksTellTheHeapOfHeldSpans(t *testing.T) {
	for name, test := range map[string]struct{ attributes, size, events int }{
		"bare": {0, 0, 0}, "usual": {12, 24, 0}, "many small attributes": {60, 4, 0},
		"long attributes": {10, 2000, 0}, "events": {5, 20, 20},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPipelines(t, longWait(), nil)
			p.sendLogs(oneLedger(shop, 9, 0, 10, mutexLedger()))
			heap, books := heapBytes(), p.metric("memory")
			for n := 0; p.metric("memory") < 16<<20; n++ {
				td, spans := spanBatch(shop)
				for i := range benchSize {
					span := addSpan(spans, fmt.Sprint("GET /", i), 1, 0, 10)
					span.SetTraceID(benchTrace(n, i))
					for a := range test.attributes {
						span.Attributes().PutStr(fmt.Sprint("attribute.", a), strings.Repeat("x", test.size))
					}
					for range test.events {
						span.Events().AppendEmpty().Attributes().PutStr("exception.message", strings.Repeat("x", 30))
					}
				}
				p.sendSpans(td)
			}
			ratio := float64(heapBytes()-heap) / float64(p.metric("memory")-books)
			t.Logf("%d spans held; the heap grew by %.2f of what the books say", p.metric("spans_held"), ratio)
			assert.Less(t, ratio, 1.2)
			assert.Greater(t, ratio, 0.2)
		})
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
