// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"testing"
	"time"
)

// What a batch brings: an SDK's batch processor exports up to 512 spans.
const batchSize = 512

func benchStore() *Store {
	return NewStore(Config{Wait: 500 * time.Millisecond, Retention: 30 * time.Second, Bytes: 64 << 20}, begin)
}

// benchBatch is the n-th batch of spans that a service sends.
func benchBatch(n int) []Span {
	batch := make([]Span, batchSize)
	for i := range batch {
		batch[i] = benchSpan(uint64(n*batchSize + i))
	}
	return batch
}

// benchmarkBatches times use for batches that come at 10,000 spans a second.
// What prepare returns is made outside of the time.
func benchmarkBatches[T any](b *testing.B, prepare func(s *Store, now time.Time, spans []Span) T, use func(*Store, time.Time, T)) {
	s, now := benchStore(), begin
	b.ReportAllocs()
	for n := range b.N / batchSize {
		now = now.Add(50 * time.Millisecond)
		b.StopTimer()
		prepared := prepare(s, now, benchBatch(n))
		b.StartTimer()
		use(s, now, prepared)
	}
}

// BenchmarkRecords is the way of one ledger into the store and out of it.
func BenchmarkRecords(b *testing.B) {
	benchmarkBatches(b, func(_ *Store, _ time.Time, spans []Span) *Records { return benchLedgers(spans) },
		func(s *Store, now time.Time, r *Records) { s.Observe(now, r) })
}

func benchLedgers(spans []Span) *Records {
	var r Records
	for i := range spans {
		span := &spans[i]
		r.Ledgers = append(r.Ledgers, Ledger{Key: span.Key, Process: span.Process, Interval: span.Interval})
	}
	return &r
}

// BenchmarkSpans is the way of one span through the store.
func BenchmarkSpans(b *testing.B) {
	arrive := func(s *Store, now time.Time, spans []Span) { arrive(s, now, spans, size) }
	b.Run("unobserved", func(b *testing.B) {
		benchmarkBatches(b, func(_ *Store, _ time.Time, spans []Span) []Span { return spans }, arrive)
	})
	b.Run("joined", func(b *testing.B) {
		benchmarkBatches(b, func(s *Store, now time.Time, spans []Span) []Span {
			r := benchLedgers(spans)
			for i := range spans {
				span := &spans[i]
				if i%8 == 0 {
					r.Events = append(r.Events, Event{Kind: KindFile, Key: span.Key, Process: span.Process, Interval: span.Interval, Path: "/wal"})
				}
				if i%64 == 0 {
					r.Facts = append(r.Facts, cycleOf(span.Process, span.Interval.Start, span.Interval.Start+2_000_000, int64(i)))
				}
			}
			s.Observe(now, r)
			return spans
		}, arrive)
	})
	b.Run("held", benchmarkHeld)
}

// benchmarkHeld has the ledger of each span come after it, and includes it.
func benchmarkHeld(b *testing.B) {
	type exchange struct {
		spans   []Span
		ledgers *Records
	}
	benchmarkBatches(b, func(s *Store, now time.Time, spans []Span) exchange {
		s.Observe(now, &Records{Ledgers: []Ledger{{Key: key(1), Process: spans[0].Process}}})
		return exchange{spans, benchLedgers(spans)}
	}, func(s *Store, now time.Time, e exchange) {
		var waiting []*Waiting
		for _, v := range arrive(s, now, e.spans, size) {
			if v.Waiting != nil {
				waiting = append(waiting, v.Waiting)
			}
		}
		s.Hold(now, waiting)
		s.Observe(now, e.ledgers)
		s.Sent(s.Released())
	})
}
