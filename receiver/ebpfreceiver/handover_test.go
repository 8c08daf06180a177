// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"golang.org/x/sync/errgroup"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// pools is the target that hands work over, under observation.
type pools struct {
	*harness
	target *targettest.Target
	folder string
}

func observePools(t *testing.T, binary string) *pools {
	t.Helper()
	h := observe(t, func(c *Config) { c.Events.File.MinDuration = 0 }, TargetConfig{Executable: binary})
	folder := t.TempDir()
	target := targettest.Start(t, binary, "POOLS_FOLDER="+folder)
	h.awaitAttached(1)
	return &pools{harness: h, target: target, folder: folder}
}

// ask has jobs of a kind done at once, and returns by whom each.
func (p *pools) ask(kind string, names ...string) map[string]int64 {
	p.t.Helper()
	by := make([]int64, len(names))
	var group errgroup.Group
	for i, name := range names {
		group.Go(func() error {
			body, _, err := p.target.Get("/"+kind+"/"+name, nil)
			if err == nil {
				by[i], err = strconv.ParseInt(strings.TrimSpace(body), 10, 64)
			}
			return err
		})
	}
	require.NoError(p.t, group.Wait())
	all := map[string]int64{}
	for i, name := range names {
		all[name] = by[i]
	}
	return all
}

// written is the event of the open of a job's file.
func (p *pools) written(name string) seenLog {
	p.t.Helper()
	return p.opens(filepath.Join(p.folder, name), 1)[0]
}

// handOvers is what a span says of values that were taken as its work.
func handOvers(span seenSpan) int64 {
	n, _ := span.attribute(events.HandOvers).(int64)
	return n
}

func names(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(prefix, i)
	}
	return all
}

// followed requires that what the workers did is their requests'.
func (p *pools) followed(kind string, by map[string]int64) {
	p.t.Helper()
	for name, goroutine := range by {
		span, event := p.awaitSpan("/"+kind+"/"+name), p.written(name)
		require.Equal(p.t, span.TraceID(), event.TraceID(), name)
		require.Equal(p.t, span.SpanID(), event.SpanID(), name)
		require.Equal(p.t, "open", event.attribute(events.TraceInherited), name)
		require.Equal(p.t, goroutine, event.attribute(events.GoroutineID), name)
		require.EqualValues(p.t, 1, handOvers(span), name)
		if critical := span.attribute(events.CriticalGoroutineID); critical != nil { // else the answer was there before
			require.Equal(p.t, goroutine, critical, name)
		}
	}
	p.t.Logf("%s: %d jobs, each its request's", kind, len(by))
}

// alone requires that what was done is in no span.
func (p *pools) alone(kind string, done ...string) {
	p.t.Helper()
	for _, name := range done {
		event := p.written(name)
		require.True(p.t, event.TraceID().IsEmpty(), name)
		require.NotContains(p.t, event.Attributes().AsRaw(), events.TraceInherited, name)
	}
	p.t.Logf("%s: %d jobs, nobody's", kind, len(done))
}

// What a worker does is the span's whose value it took over an unbuffered channel,
// whoever of the two waited for the other.
func TestWorkIsTakenOverAChannel(t *testing.T) {
	for name, binary := range map[string]func(testing.TB) string{
		"Go 1.26":           func(t testing.TB) string { return targettest.BuildPools(t, "go1.26.8") },
		"Go 1.21, by DWARF": func(t testing.TB) string { return targettest.BuildPools(t, "go1.21.13") },
		"stripped":          func(t testing.TB) string { return targettest.BuildPools(t, "go1.26.8", "-ldflags=-s -w") },
		"Go 1.21 stripped":  func(t testing.TB) string { return targettest.BuildPools(t, "go1.21.13", "-ldflags=-s -w") },
	} {
		t.Run(name, func(t *testing.T) {
			p := observePools(t, binary(t))
			for _, name := range names("alone", 5) { // the workers wait
				p.followed("unbuffered", p.ask("unbuffered", name))
			}
			p.followed("unbuffered", p.ask("unbuffered", names("many", 24)...)) // the requests do
			p.followed("selecting", p.ask("selecting", names("selecting", 24)...))
			for _, name := range names("select", 5) { // the workers wait, each in a select
				p.followed("select", p.ask("select", name))
			}
			for _, name := range names("lazy", 3) { // one at a time: the first starts the workers
				p.ask("lazy", name)
				require.Equal(t, p.awaitSpan("/lazy/"+name).TraceID(), p.written(name).TraceID(), name)
			}
			require.Zero(t, p.counter("probes_refused", "feature", "hand_over"))
		})
	}
}

// Work of goroutines in no span is nobody's, also of workers that had a span's.
func TestWorkOfNobody(t *testing.T) {
	p := observePools(t, targettest.BuildPools(t, "go1.26.8"))
	for kind, nobodys := range map[string]string{"unbuffered": "nobody", "select": "nobodyelse"} {
		all := names(nobodys, 40)
		var group errgroup.Group
		group.Go(func() error {
			for _, name := range all {
				if _, _, err := p.target.Get("/"+nobodys+"/"+name, nil); err != nil {
					return err
				}
			}
			return nil
		})
		by := p.ask(kind, names(kind, 40)...)
		require.NoError(t, group.Wait())
		p.alone(nobodys, all...)
		if kind == "unbuffered" {
			p.followed(kind, by)
			continue
		}
		followed := 0
		for name := range by { // by workers that waited; the others found a request that did
			span, event := p.awaitSpan("/"+kind+"/"+name), p.written(name)
			require.Equal(t, handOvers(span) == 1, !event.TraceID().IsEmpty(), name)
			if !event.TraceID().IsEmpty() {
				followed++
				require.Equal(t, span.TraceID(), event.TraceID(), name)
				require.Equal(t, span.SpanID(), event.SpanID(), name)
			}
		}
		t.Logf("%s: %d of %d jobs followed, none wrong", kind, followed, len(by))
	}
}

// What is no hand-over, or cannot be proven to be one, is left alone.
func TestNoHandOver(t *testing.T) {
	p := observePools(t, targettest.BuildPools(t, "go1.26.8"))
	for _, kind := range []string{"buffered", "ticking", "cond", "close", "signal", "last"} {
		all := names(kind, 6)
		for name := range p.ask(kind, all...) {
			span := p.awaitSpan("/" + kind + "/" + name)
			if kind != "last" {
				require.Zero(t, handOvers(span), name)
				require.NotContains(t, span.Attributes().AsRaw(), events.CriticalGoroutineID, name)
			}
		}
		p.alone(kind, all...)
	}
	for _, name := range names("high", 6) {
		p.ask("high", name) // a goroutine that the request starts hands it over
		require.Equal(t, p.awaitSpan("/high/"+name).SpanID(), p.written(name).SpanID(), name)
		p.alone("high", name+".low", name+".low.before")
	}
}

// Requests that a worker sends are below the span, which says for whom it waited.
func TestTheWorkerThatASpanWaitsFor(t *testing.T) {
	p := observePools(t, targettest.BuildPools(t, "go1.26.8"))
	p.ask("get", "one")
	client, server := p.awaitSpans(1, isClient)[0], p.awaitSpan("/get/one")
	require.Equal(t, ptrace.SpanKindClient, client.Kind())
	require.Equal(t, server.SpanID(), client.ParentSpanID())
	require.Equal(t, server.TraceID(), client.TraceID())
	require.Equal(t, "open", client.attribute(events.TraceInherited))

	worker := p.ask("long", "two")["two"]
	span := p.awaitSpan("/long/two").Attributes().AsRaw()
	t.Logf("goroutine %d did the work: %v", worker, span)
	const slept = int64(200 * time.Millisecond)
	require.Equal(t, worker, span[events.CriticalGoroutineID])
	require.Equal(t, "sleep", span[events.CriticalDominant])
	require.GreaterOrEqual(t, span[events.CriticalDominantTime], slept)
	require.GreaterOrEqual(t, span[events.CriticalAge], span[events.CriticalDominantTime])
	require.Greater(t, 2*span[events.CriticalWait].(int64), slept)
	require.LessOrEqual(t, span[events.CriticalWait], span["fathom.time.blocked.channel"])
	require.EqualValues(t, span[events.CriticalAge], criticalLedger(p.awaitSpan("/long/two").Attributes()).Total())
}
