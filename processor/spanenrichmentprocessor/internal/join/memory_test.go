// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// TestMemoryIsBounded: whatever comes, the books never show more than the
// bound, no span is lost, no record goes uncounted, and an empty store is free.
func TestMemoryIsBounded(t *testing.T) {
	var total Tally
	for seed := range uint64(300) {
		epoch := time.Unix(1_800_000_000, 0)
		now := epoch
		config := Config{Wait: 6, Retention: 40, Bytes: 8 << 10}
		s, w := NewStore(config, epoch), newWorld(seed)
		var reserved []*Waiting
		waits, released := 0, 0
		drain := func() {
			out := s.Released()
			released += len(out)
			s.Sent(out)
		}
		for range 150 {
			now = now.Add(time.Duration(w.random.IntN(4)))
			switch w.random.IntN(4) {
			case 0, 1:
				records := w.records()
				for i := range records.Events {
					records.Events[i].Path = strings.Repeat("x", w.random.IntN(2000))
				}
				s.Observe(now, records)
			case 2:
				for _, v := range arrive(s, now, w.batch(), size) {
					if v.Waiting != nil {
						waits++
						reserved = append(reserved, v.Waiting)
					}
				}
			default:
				s.Hold(now, reserved)
				reserved = nil
			}
			audit(t, s)
			require.LessOrEqual(t, s.Tally().Bytes, config.Bytes, "seed %d", seed)
			drain()
		}
		s.Hold(now, reserved)
		s.Advance(now.Add(time.Hour))     // the last spans leave
		s.Advance(now.Add(2 * time.Hour)) // and are forgotten
		drain()
		audit(t, s)
		require.Equal(t, waits, released, "seed %d: spans were lost", seed)
		require.Zero(t, s.Tally().Bytes, "seed %d", seed)
		require.Zero(t, s.Tally().Held)
		total = add(total, s.Tally())
	}
	for kind := range NumKinds {
		assert.Greater(t, total.Unjoined[kind][Memory], int64(100), Kind(kind))
	}
	assert.Greater(t, total.Departed[NoRoom], int64(100))
}

// TestBooksTellTheHeap: what the books say a full store takes is what the heap
// grew by, or somewhat more.
func TestBooksTellTheHeap(t *testing.T) {
	const bound = 32 << 20
	now := time.Now()
	for name, fill := range map[string]func(*Store, uint64){
		"ledgers": func(s *Store, i uint64) { s.Observe(now, &Records{Ledgers: []Ledger{benchLedger(i)}}) },
		"files": func(s *Store, i uint64) {
			s.Observe(now, &Records{Events: []Event{{
				Kind: KindFile, Key: benchKey(i), Process: proc("shop", 1), Interval: Interval{1, int64(i + 1)},
				Name: "fathom.file.fsync", Path: fmt.Sprintf("/var/lib/shop/segments/%020d.wal", i),
			}}})
		},
		"files of one span": func(s *Store, i uint64) {
			s.Observe(now, &Records{Events: []Event{{
				Kind: KindFile, Key: benchKey(1), Process: proc("shop", 1), Interval: Interval{1, int64(i + 1)},
				Name: "fathom.file.fsync", Path: fmt.Sprintf("/var/lib/shop/segments/%020d.wal", i),
			}}})
		},
		"stops": func(s *Store, i uint64) {
			s.Observe(now, &Records{Facts: []Fact{stopOf(proc("shop", 1), int64(i), int64(i+1))}})
		},
		"processes": func(s *Store, i uint64) {
			s.Observe(now, &Records{Facts: []Fact{stopOf(proc(fmt.Sprintf("service-%d", i), 1), 1, 2)}})
		},
		"spans seen": func(s *Store, i uint64) {
			if i == 0 {
				s.Observe(now, &Records{Facts: []Fact{stopOf(proc("shop", 1), 1, 2)}})
			}
			arrive(s, now.Add(time.Duration(i)), []Span{benchSpan(i)}, size)
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			s := NewStore(Config{Wait: time.Second, Retention: time.Hour, Bytes: bound}, now)
			var i uint64
			for s.tally.Bytes < bound-8192 {
				fill(s, i)
				i++
			}
			ratio := float64(heap()-before) / float64(s.tally.Bytes)
			t.Logf("%d of them; the heap grew by %.2f of what the books say", i, ratio)
			assert.Less(t, ratio, 1.1)
			assert.Greater(t, ratio, 0.4)
			runtime.KeepAlive(s)
		})
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func benchKey(i uint64) SpanKey {
	r := rand.New(rand.NewPCG(i, 7))
	var key SpanKey
	for at := range key.Trace {
		key.Trace[at] = byte(r.Uint32())
	}
	key.Span = pcommon.SpanID(key.Trace[8:])
	return key
}

func benchSpan(i uint64) Span {
	start := int64(i) * 1_000_000
	return Span{Key: benchKey(i), Process: proc("shop", 1), Interval: Interval{start, start + 10_000_000}}
}

func benchLedger(i uint64) Ledger {
	span := benchSpan(i)
	l := Ledger{Key: span.Key, Process: span.Process, Interval: span.Interval, Goroutine: 17}
	l.Time[0] = 10_000_000
	return l
}
