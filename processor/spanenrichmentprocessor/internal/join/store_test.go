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

func newWorld(seed uint64) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 1)), processes: []Process{{"shop", 1}, {"shop", 2}, {"cart", 3}}}
	identities := []Process{{"shop", 1}, {"shop", 2}, {"shop", 0}, {"cart", 3}, {"cart", 0}, {"cart", 99}, {"other", 4}, {"", 0}}
	for trace := range 3 {
		for id := range 5 {
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
		case 0:
			r.Cycles = append(r.Cycles, w.again(Cycle{pick(w, w.processes), w.interval(8), w.random.Int64N(5)}))
		case 1:
			r.Stops = append(r.Stops, Stop{pick(w, w.processes), w.interval(3)})
		case 2, 3:
			r.Ledgers = append(r.Ledgers, w.ledger())
		default:
			r.Files = append(r.Files, w.file())
		}
	}
	return &r
}

func (w *world) again(c Cycle) Cycle {
	if len(w.sent.Cycles) > 0 && w.random.IntN(4) == 0 {
		return pick(w, w.sent.Cycles)
	}
	w.sent.Cycles = append(w.sent.Cycles, c)
	return c
}

func (w *world) ledger() Ledger {
	of := pick(w, w.spans)
	var spent ledger.Ledger
	spent[w.random.IntN(ledger.NumCauses)] = uint64(w.random.IntN(100))
	return Ledger{of.Key, pick(w, w.processes), of.Interval, w.random.Int64N(3), spent, ledger.Exact}
}

func (w *world) file() File {
	if len(w.sent.Files) > 0 && w.random.IntN(4) == 0 {
		return pick(w, w.sent.Files)
	}
	key := pick(w, w.spans).Key
	key.Span[7] = byte(w.random.IntN(9)) // none, one of the trace's spans, or one that never comes
	f := File{Key: key, Process: pick(w, w.processes), Interval: w.interval(3), Goroutine: w.random.Int64N(3), Name: "fathom.file.fsync", Path: "/wal"}
	w.sent.Files = append(w.sent.Files, f)
	return f
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
		records := r.world.records()
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

func (r *run) arrive(now time.Time) {
	batch := r.world.batch()
	out := r.reference.advance(r.now)
	verdicts := r.store.Arrive(now, batch, size)
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
	require.Equal(t, sorted(want.Files), sorted(got.Files))
	require.True(t, slices.IsSortedFunc(got.Files, func(a, b *File) int { return int(a.Interval.End - b.Interval.End) }))
	want.Files, got.Files = nil, nil
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
	for _, n := range []int64{
		total.Matched[KindLedger][BySpan], total.Matched[KindFile][BySpan], total.Matched[KindFile][ByGoroutine],
		total.Matched[KindCycle][ByProcess], total.Matched[KindStop][ByProcess],
		total.Unjoined[KindLedger][Late], total.Unjoined[KindFile][Late], total.Unjoined[KindCycle][Late], total.Unjoined[KindStop][Late],
		total.Unjoined[KindLedger][Duplicate], total.Unjoined[KindFile][Duplicate], total.Unjoined[KindCycle][Duplicate],
		total.Unjoined[KindLedger][Unmatched], total.Unjoined[KindFile][Unmatched],
		total.Departed[Joined], total.Departed[Waited],
	} {
		require.Greater(t, n, int64(100), "%+v", total)
	}
}
