// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// world is a small one, so that in a random run everything meets everything:
// few traces, spans, processes, goroutines and moments.
type world struct {
	random    *rand.Rand
	spans     []Span
	processes []Process
	sent      Records // to send duplicates of
}

// Two machines, on both of which a process of the shop has PID 1.
var hostA, hostB = HostOf(Origin{HostID: "a"}), HostOf(Origin{HostID: "b"})

// hostNumber orders processes by their host.
func hostNumber(p Process) int { return slices.Index([]Host{{}, hostA, hostB}, p.Host) }

func newWorld(seed uint64) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 1)), processes: []Process{{"shop", 1, hostA}, {"shop", 1, hostB}, {"shop", 2, Host{}}, {"cart", 3, hostA}}}
	identities := []Process{
		{"shop", 1, hostA}, {"shop", 1, hostB}, {"shop", 1, Host{}}, {"shop", 2, hostB}, {"shop", 2, Host{}}, {"shop", 0, hostA}, {"shop", 0, Host{}},
		{"cart", 3, Host{}}, {"cart", 3, hostB}, {"cart", 0, hostA}, {"cart", 99, Host{}}, {"other", 4, hostA}, {"", 0, hostA},
	}
	traces, ids := 3, 5
	if seed%40 == 7 {
		traces, ids = 1, maxListed+8 // whose places are a map
	}
	for trace := range traces {
		for id := range ids {
			w.spans = append(w.spans, Span{
				Key:       SpanKey{pcommon.TraceID{15: byte(trace + 1)}, pcommon.SpanID{7: byte(id + 1)}},
				Process:   pick(w, identities),
				Interval:  w.interval(20),
				Goroutine: pick(w, []int64{0, 0, 0, 1}),
				HasLedger: w.random.IntN(6) == 0,
			})
		}
	}
	return w
}

func pick[T any](w *world, from []T) T { return from[w.random.IntN(len(from))] }

func (w *world) interval(longest int64) Interval {
	start := w.random.Int64N(24)
	return Interval{start, start + w.random.Int64N(longest+1)}
}

// batch returns spans, some of them for the second time.
func (w *world) batch() []Span {
	batch := make([]Span, w.random.IntN(4))
	for i := range batch {
		batch[i] = pick(w, w.spans)
	}
	return batch
}

// records returns records of any kind, some of them duplicates.
func (w *world) records() *Records {
	var r Records
	for range 1 + w.random.IntN(3) {
		switch w.random.IntN(6) {
		case 0, 1:
			r.Facts = append(r.Facts, w.fact())
		case 2, 3:
			r.Ledgers = append(r.Ledgers, w.ledger())
		default:
			r.Events = append(r.Events, w.event())
		}
	}
	return &r
}

// fact is a new one or one that was sent before. A process that restarts with
// its PID counts its collections from 1 again.
func (w *world) fact() Fact {
	if len(w.sent.Facts) > 0 && w.random.IntN(4) == 0 {
		return pick(w, w.sent.Facts)
	}
	f := Fact{Kind: pick(w, []Kind{KindCycle, KindStop, KindThrottle}), Process: pick(w, w.processes), Interval: w.interval(8)}
	if f.Kind == KindCycle {
		f.Cycle = w.random.Int64N(5)
	}
	w.sent.Facts = append(w.sent.Facts, f)
	return f
}

func (w *world) ledger() Ledger {
	of := pick(w, w.spans)
	var spent ledger.Ledger
	spent[w.random.IntN(ledger.NumCauses)] = uint64(w.random.IntN(100))
	return Ledger{Key: of.Key, Process: pick(w, w.processes), Interval: of.Interval, Goroutine: w.random.Int64N(3), Time: spent, Source: ledger.Exact}
}

func (w *world) event() Event {
	if len(w.sent.Events) > 0 && w.random.IntN(4) == 0 {
		return pick(w, w.sent.Events)
	}
	key := pick(w, w.spans).Key
	key.Span[7] = byte(w.random.IntN(9)) // none, one of the trace's spans, or one that never comes
	e := Event{Key: key, Process: pick(w, w.processes), Interval: w.interval(3), Goroutine: w.random.Int64N(3)}
	switch e.Kind = pick(w, []Kind{KindFile, KindNetwork, KindScheduler, KindSetup}); e.Kind {
	case KindFile:
		e.Name, e.Path = "fathom.file.fsync", pick(w, []string{"/wal", "/wal", "/data"})
	case KindNetwork:
		e.Name, e.Peer = "fathom.network.connect", Peer{"10.0.0.1", 443 + w.random.Int64N(2)}
		e.More = pick(w, [][]Attribute{nil, {{Name: "network.transport", Text: "tcp", IsText: true}}})
		e.Error = pick(w, []string{"", "", "ECONNREFUSED"})
	default:
		e.Name = "fathom.scheduler.run_queue"
	}
	w.sent.Events = append(w.sent.Events, e)
	return e
}

// retry is a batch that was sent before, whole or in part, in any order: its
// sender did not hear that it had arrived.
func (w *world) retry(batch []Span) []Span {
	again := slices.Clone(batch)
	w.random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	return again
}

func (w *world) retryRecords(r *Records) *Records {
	again := &Records{Ledgers: slices.Clone(r.Ledgers), Events: slices.Clone(r.Events), Facts: slices.Clone(r.Facts)}
	slices.Reverse(again.Ledgers)
	slices.Reverse(again.Events)
	slices.Reverse(again.Facts)
	return again
}

// pair is a span that waits, in the store and in the reference.
type pair struct {
	store     *Waiting
	reference *refWaiting
}

// run drives a store and its reference through the same random calls.
type run struct {
	t         *testing.T
	world     *world
	store     *Store
	reference *reference
	now       time.Duration
	epoch     time.Time
	reserved  []pair
	held      []pair

	sentRecords []*Records // to send them again
	sentSpans   [][]Span
}

const testSpanBytes = 1000

func size(int) int64 { return testSpanBytes }

// expectReleased compares what both released.
func (r *run) expectReleased(want []*refWaiting) {
	released := r.store.Released()
	require.Len(r.t, released, len(want))
	for _, w := range released {
		i := slices.IndexFunc(r.held, func(p pair) bool { return p.store == w })
		require.GreaterOrEqual(r.t, i, 0, "released what was not held")
		require.Contains(r.t, want, r.held[i].reference)
		r.held = slices.Delete(r.held, i, i+1)
	}
	r.store.Sent(released)
}

func (r *run) step() {
	r.now += time.Duration(r.world.random.IntN(4))
	now := r.epoch.Add(r.now)
	switch r.world.random.IntN(5) {
	case 0, 1:
		records := r.nextRecords()
		out := r.reference.advance(r.now)
		out = append(out, r.reference.observe(records)...)
		r.store.Observe(now, records)
		r.expectReleased(out)
	case 2, 3:
		r.arrive(now)
	default:
		r.decide(now)
	}
}

func (r *run) nextRecords() *Records {
	if len(r.sentRecords) > 0 && r.world.random.IntN(5) == 0 {
		return r.world.retryRecords(pick(r.world, r.sentRecords))
	}
	r.sentRecords = append(r.sentRecords, r.world.records())
	return r.sentRecords[len(r.sentRecords)-1]
}

func (r *run) nextSpans() []Span {
	if len(r.sentSpans) > 0 && r.world.random.IntN(5) == 0 {
		return r.world.retry(pick(r.world, r.sentSpans))
	}
	r.sentSpans = append(r.sentSpans, r.world.batch())
	return r.sentSpans[len(r.sentSpans)-1]
}

func (r *run) arrive(now time.Time) {
	batch := r.nextSpans()
	out := r.reference.advance(r.now)
	verdicts := arrive(r.store, now, batch, size)
	r.expectReleased(out)
	matches, waits := r.reference.arrive(batch)
	for i := range batch {
		require.Equal(r.t, waits[i] != nil, verdicts[i].Waiting != nil, "span %d of %v waits", i, batch)
		if waits[i] != nil {
			r.reserved = append(r.reserved, pair{verdicts[i].Waiting, waits[i]})
			continue
		}
		requireMatch(r.t, matches[i], verdicts[i].Match)
	}
}

// decide holds the spans that were to wait, or abandons them.
func (r *run) decide(now time.Time) {
	var stores []*Waiting
	var references []*refWaiting
	for _, p := range r.reserved {
		stores, references = append(stores, p.store), append(references, p.reference)
	}
	if r.world.random.IntN(4) == 0 {
		r.reference.abandon(references)
		r.store.Abandon(stores)
		r.reserved = nil
		return
	}
	r.held, r.reserved = append(r.held, r.reserved...), nil
	out := r.reference.advance(r.now)
	out = append(out, r.reference.hold(references)...)
	r.store.Hold(now, stores)
	r.expectReleased(out)
}

func requireMatch(t *testing.T, want, got Match) {
	t.Helper()
	require.Equal(t, sorted(want.Events), sorted(got.Events))
	require.True(t, slices.IsSortedFunc(got.Events, func(a, b *Event) int { return int(a.Interval.End - b.Interval.End) }))
	want.Events, got.Events = nil, nil
	require.Equal(t, want, got)
}

// TestJoinsWhatTheReferenceJoins: in any order of arrival, with duplicates,
// late, missing and refused data, each record joins the span that it must.
func TestJoinsWhatTheReferenceJoins(t *testing.T) {
	var total Tally
	for seed := range uint64(600) {
		config := Config{Wait: 6, Retention: 40, Bytes: 1 << 30}
		epoch := time.Unix(1_800_000_000, 0)
		r := &run{t: t, world: newWorld(seed), store: NewStore(config, epoch), reference: &reference{config: config, aliases: map[string]string{}}, epoch: epoch}
		for range 100 {
			r.step()
			want, got := r.reference.totals(), r.store.Tally()
			want.Bytes, want.Held = got.Bytes, int64(len(r.held)+len(r.reserved))
			require.Equal(t, want, got, "seed %d", seed)
			audit(t, r.store)
		}
		total = add(total, r.store.Tally())
	}
	requireEverythingHappened(t, total)
}

// add sums what two runs counted.
func add(a, b Tally) Tally {
	for kind := range NumKinds {
		for key := range NumKeys {
			a.Matched[kind][key] += b.Matched[kind][key]
		}
		for reason := range NumReasons {
			a.Unjoined[kind][reason] += b.Unjoined[kind][reason]
		}
	}
	for departure := range NumDepartures {
		a.Departed[departure] += b.Departed[departure]
	}
	return a
}

// requireEverythingHappened guards against runs that prove nothing.
func requireEverythingHappened(t *testing.T, total Tally) {
	t.Helper()
	for kind := range Kind(NumKinds) {
		seen := []int64{total.Unjoined[kind][Late], total.Unjoined[kind][Duplicate], total.Unjoined[kind][Unmatched]}
		switch {
		case kind == KindLedger:
			seen = append(seen, total.Matched[kind][BySpan])
		case kind.IsEvent():
			seen = append(seen, total.Matched[kind][BySpan], total.Matched[kind][ByGoroutine])
		default:
			seen = append(seen, total.Matched[kind][ByProcess])
		}
		for i, n := range seen {
			require.Greater(t, n, int64(100), "%s, %d: %+v", kind, i, total)
		}
	}
	for _, n := range []int64{
		total.Departed[Joined], total.Departed[Waited],
	} {
		require.Greater(t, n, int64(100), "%+v", total)
	}
}
