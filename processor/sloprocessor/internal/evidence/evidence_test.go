// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fathom-otel/fathom/internal/ledger"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano()

func exemplar(i int, at int64, duration time.Duration, bad bool) *Exemplar {
	return &Exemplar{Span: [8]byte{byte(i), byte(i >> 8), 1}, Time: at, Duration: int64(duration), Bad: bad}
}

func TestTheSlowestAreKept(t *testing.T) {
	e := NewExemplars(rand.New(rand.NewPCG(1, 1)))
	for i, ms := range rand.New(rand.NewPCG(2, 2)).Perm(1000) {
		e.Add(exemplar(i, now+int64(i), time.Duration(ms)*time.Millisecond, true))
		e.Add(exemplar(i, now+int64(i), time.Hour, false))
	}
	bad := e.Bad(0, 8)
	assert.Len(t, bad, 8)
	for i, ms := range []int{999, 998, 997, 996} {
		assert.Equal(t, int64(ms)*int64(time.Millisecond), bad[i].Duration)
	}
	for i := range bad {
		assert.True(t, bad[i].Bad)
		assert.NotContains(t, bad[:i], bad[i], "each once")
	}
	assert.Len(t, e.Good(0, 10), drawn)
	assert.Empty(t, e.Bad(now+1000, 8), "all are older")
}

// TestDrawingIsFair draws from 40 events, over and over: each is kept as often as others.
func TestDrawingIsFair(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const events, rounds = 40, 20_000
	var kept [events]int
	for range rounds {
		var d drawing
		for i := range events {
			d.add(random, exemplar(i, now, 0, true))
		}
		for _, x := range d.all() {
			kept[x.Span[0]]++
		}
	}
	for i, n := range kept {
		assert.InEpsilon(t, rounds*drawn/events, n, 0.12, "event %d", i)
	}
}

func TestExemplarsAge(t *testing.T) {
	e := NewExemplars(rand.New(rand.NewPCG(1, 1)))
	begin := now - now%generation
	e.Add(exemplar(1, begin, time.Second, true))
	e.Add(exemplar(2, begin+generation, time.Millisecond, true))
	assert.Len(t, e.Bad(0, 8), 2, "of both generations")
	assert.Equal(t, byte(1), e.Bad(0, 8)[0].Span[0], "the slowest first")
	e.Add(exemplar(3, begin+2*generation, time.Millisecond, true))
	assert.Len(t, e.Bad(0, 8), 2, "the first is gone")
	e.Add(exemplar(1, begin, time.Second, true))
	assert.Len(t, e.Bad(0, 8), 2, "and too old")
}

func TestAddingAllocatesNothing(t *testing.T) {
	e, p := NewExemplars(rand.New(rand.NewPCG(1, 1))), &Profile{}
	x, l := exemplar(1, now, time.Second, true), &ledger.Ledger{ledger.OnCPU: 1}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		x.Duration++
		e.Add(x)
		p.Add(now, true, l)
	}))
}

func ms(parts map[ledger.Cause]int) *ledger.Ledger {
	var l ledger.Ledger
	for cause, n := range parts {
		l[cause] = uint64(n) * uint64(time.Millisecond)
	}
	return &l
}

// TestFinding is the example of the documentation: a mutex that became slow.
func TestFinding(t *testing.T) {
	var p Profile
	usual := ms(map[ledger.Cause]int{ledger.OnCPU: 66, ledger.BlockedNetwork: 30, ledger.BlockedMutex: 4})
	for minute := range 120 {
		p.Add(now-int64(minute)*int64(time.Minute), false, usual)
	}
	for range 20 {
		p.Add(now, true, ms(map[ledger.Cause]int{ledger.OnCPU: 95, ledger.BlockedNetwork: 30, ledger.BlockedMutex: 75}))
	}
	f := p.Find(now, 10*time.Minute)
	assert.Equal(t, uint64(20), f.Bad)
	assert.Equal(t, uint64(11), f.Good)
	assert.Equal(t, 100*time.Millisecond, f.Excess)
	assert.Equal(t, ledger.BlockedMutex, f.Cause)
	assert.InDelta(t, 0.71, f.Share, 1e-9)
	assert.InDelta(t, 0.04, f.Before, 1e-9)
	assert.Equal(t, "71 % of the excess over good spans is blocked.mutex, which was 4 % of the time in the hour before", f.String())
}

func TestFindingWithoutLedgers(t *testing.T) {
	var p Profile
	assert.Equal(t, "no bad span has a time ledger (fathom.time.*)", p.Find(now, time.Hour).String())
	p.Add(now, true, ms(map[ledger.Cause]int{ledger.Sleep: 3, ledger.OnCPU: 1}))
	assert.Equal(t, "75 % of the time of bad spans is sleep; no good span has a time ledger to compare with", p.Find(now, time.Hour).String())
	p.Add(now, false, ms(map[ledger.Cause]int{ledger.Sleep: 30}))
	assert.Equal(t, "bad spans are not slower than good ones", p.Find(now, time.Hour).String())
	p.Add(now, true, &ledger.Ledger{})
	assert.NotContains(t, p.Find(now, time.Hour).String(), "NaN")
}

func TestLedgersAge(t *testing.T) {
	var p Profile
	l := ms(map[ledger.Cause]int{ledger.Sleep: 1})
	begin := now - now%slot
	p.Add(begin, true, l)
	assert.Equal(t, uint64(1), p.Find(begin, time.Hour).Bad)
	assert.Zero(t, p.Find(begin+2*hour, time.Hour).Bad)
	p.Add(begin+numSlots*slot, true, l)
	p.Add(begin, true, l)
	assert.Equal(t, uint64(1), p.Find(begin+numSlots*slot, time.Hour).Bad, "what is too old is left out")
	assert.Zero(t, p.Find(begin, time.Hour).Bad)
	p.Add(-slot, true, l)
}
