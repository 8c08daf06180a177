// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allWindows are those of the default policy and of periods of 7, 28 and 30 days.
var allWindows = []time.Duration{
	5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour,
	24 * time.Hour, 72 * time.Hour, 168 * time.Hour, 672 * time.Hour, 720 * time.Hour, Longest, Shortest,
}

func newPlan(t testing.TB, windows ...time.Duration) *Plan {
	t.Helper()
	plan, err := NewPlan(windows...)
	require.NoError(t, err)
	return plan
}

func TestRingsAreWhatIsDocumented(t *testing.T) {
	total := 0
	for i, r := range rings {
		assert.Equal(t, total, r.offset)
		if i > 0 {
			assert.Zero(t, r.width%rings[i-1].width)
			assert.Greater(t, r.span(), rings[i-1].span())
		}
		total += r.buckets
	}
	assert.Equal(t, numBuckets, total)
	assert.Equal(t, 40096, Bytes())
	assert.Equal(t, Shortest, rings[0].width)
	assert.Equal(t, Longest, rings[numRings-1].span())
}

func TestPlan(t *testing.T) {
	_, err := NewPlan(65 * time.Second)
	assert.EqualError(t, err, "a window of 1m5s is counted in buckets of 10s and is no multiple of that; use 1m10s")
	_, err = NewPlan(time.Second)
	assert.EqualError(t, err, "a window of 1s is not within 10s and 840h0m0s")
	plan := newPlan(t, time.Hour, 5*time.Minute, time.Hour)
	assert.Equal(t, 2, plan.Len(), "each window once")
	assert.Equal(t, 1, plan.Index(5*time.Minute))
	assert.Equal(t, -1, plan.Index(time.Minute))
	for _, d := range []time.Duration{time.Second, 71 * time.Minute, 1008 * time.Minute, 371 * time.Minute, 4380*time.Minute + 1, 900 * time.Hour, 70*time.Minute + 1} {
		_, err := NewPlan(Fit(d))
		assert.NoError(t, err, "%s is fitted to %s", d, Fit(d))
	}
	assert.Equal(t, 1010*time.Minute, Fit(1008*time.Minute))
}

func TestWeight(t *testing.T) {
	zero := 0.0
	for in, want := range map[float64]uint64{0: 0, -1: 0, zero / zero: 0, 1: One, 1.5: One * 3 / 2, 1e30: MaxWeight, 1.0 / 3: 1365} {
		assert.Equal(t, want, Weight(in), "%v", in)
	}
}

// event is what the reference keeps of each.
type event struct {
	t int64
	n Count
}

// reference sums over all events: of a window that ends with the bucket of now.
func reference(events []event, now int64, window time.Duration) Sum {
	width, err := Resolution(window)
	if err != nil {
		panic(err)
	}
	end := now - now%int64(width) + int64(width)
	var sum Sum
	occupied := map[int64]uint64{}
	for _, e := range events {
		if e.t >= end-int64(window) && e.t < end {
			sum.Count = sum.Plus(e.n)
			occupied[e.t/int64(width)] += e.n.Total
		}
	}
	for _, total := range occupied {
		if total > 0 {
			sum.Occupied++
		}
	}
	return sum
}

func TestSumsEqualThoseOverAllEvents(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { compareWithReference(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func compareWithReference(t *testing.T, random *rand.Rand) {
	plan := newPlan(t, allWindows...)
	now := time.Date(2026, 3, 1, 12, 0, 3, 0, time.UTC).UnixNano()
	c := NewCounts(plan, now)
	var events []event
	placed := map[Placement]int{}
	for range 2500 {
		now = pass(random, now)
		c.Advance(now)
		e := event{t: around(random, now), n: Count{Total: One * (1 + random.Uint64N(5))}}
		e.n.Bad = random.Uint64N(e.n.Total + 1)
		placement := c.Add(e.t, e.n)
		placed[placement]++
		switch placement {
		case Future:
			require.Greater(t, e.t, now)
			e.t = now
		case Old:
			require.GreaterOrEqual(t, now/int64(time.Hour)-e.t/int64(time.Hour), int64(840))
			continue
		}
		events = append(events, e)
		if random.IntN(20) == 0 {
			from := events[random.IntN(len(events))]
			to := Count{Total: from.n.Total, Bad: random.Uint64N(from.n.Total + 1)}
			if c.Correct(from.t, from.n, to) != Old {
				events = append(events, event{from.t, to.minus(from.n)})
			}
		}
		if random.IntN(40) == 0 { // a restart
			r := NewReader(c.Append(nil))
			c = r.Counts(plan)
			require.NoError(t, r.Err())
			require.Zero(t, r.Rest())
		}
		if random.IntN(20) == 0 {
			for i := range plan.Len() {
				require.Equal(t, reference(events, now, plan.Length(i)), c.Sum(i), "%s of %v", plan.Length(i), placed)
			}
		}
	}
	for p := range Placement(NumPlacements) {
		assert.Positive(t, placed[p], "%s never happened", p)
	}
}

// pass lets time go on: mostly by seconds, sometimes by days.
func pass(random *rand.Rand, now int64) int64 {
	switch random.IntN(100) {
	case 0:
		return now + random.Int64N(int64(50*time.Hour))
	case 1, 2, 3:
		return now + random.Int64N(int64(3*time.Hour))
	case 4:
		if random.IntN(20) == 0 {
			return now + random.Int64N(int64(900*time.Hour))
		}
	}
	return now + random.Int64N(int64(15*time.Second))
}

// around is a time of an event: mostly just before now.
func around(random *rand.Rand, now int64) int64 {
	switch random.IntN(20) {
	case 0:
		return now + 1 + random.Int64N(int64(time.Hour))
	case 1, 2:
		return now - random.Int64N(int64(100*time.Minute))
	case 3:
		return now - random.Int64N(int64(1000*time.Hour))
	}
	return now - random.Int64N(int64(5*time.Second))
}

func TestTimeThatGoesBackDoesNot(t *testing.T) {
	plan := newPlan(t, time.Minute)
	now := int64(time.Hour)
	c := NewCounts(plan, now)
	c.Add(now, Count{Bad: One, Total: One})
	c.Advance(now - int64(time.Minute))
	assert.Equal(t, now, c.Now())
	assert.Equal(t, Sum{Count{One, One}, 1}, c.Sum(0))
	assert.Equal(t, now+int64(10*time.Second)-int64(time.Minute), c.Begin(0))
}

func TestTimesBefore1970(t *testing.T) {
	plan := newPlan(t, time.Minute)
	c := NewCounts(plan, -1)
	assert.Equal(t, Current, c.Add(-5, Count{Total: One}))
	assert.Equal(t, Late, c.Add(-int64(11*time.Second), Count{Total: One}))
	assert.Equal(t, uint64(2*One), c.Sum(0).Total)
	c.Advance(int64(45 * time.Second))
	assert.Equal(t, uint64(One), c.Sum(0).Total)
}

func TestReaderRefusesWhatWasNotWritten(t *testing.T) {
	plan := newPlan(t, time.Hour)
	c := NewCounts(plan, int64(time.Hour))
	c.Add(int64(time.Hour), Count{One, One})
	b := c.Append(nil)
	for n := range b {
		r := NewReader(b[:n])
		r.Counts(plan)
		assert.Error(t, r.Err(), "%d of %d bytes", n, len(b))
	}
}

func FuzzReader(f *testing.F) {
	plan := newPlan(f, allWindows...)
	c := NewCounts(plan, int64(time.Hour))
	c.Add(1, Count{One, 3 * One})
	f.Add(c.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		c := r.Counts(plan)
		if r.Err() != nil {
			return
		}
		again := NewReader(c.Append(nil)).Counts(plan)
		for i := range plan.Len() {
			if c.Sum(i) != again.Sum(i) {
				t.Fatalf("%v is read as %v", c.Sum(i), again.Sum(i))
			}
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	plan := newPlan(b, 5*time.Minute, 30*time.Minute, time.Hour, 2*time.Hour, 6*time.Hour, 24*time.Hour, 72*time.Hour, 720*time.Hour)
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	for _, bench := range []struct {
		name string
		late time.Duration
	}{{"now", 0}, {"10 s late", 10 * time.Second}, {"a minute late", time.Minute}, {"a day late", 24 * time.Hour}} {
		b.Run(bench.name, func(b *testing.B) {
			c := NewCounts(plan, start)
			now := start
			b.ReportAllocs()
			for b.Loop() {
				now += int64(10 * time.Microsecond) // 100,000 events a second
				c.Advance(now)
				c.Add(now-int64(bench.late), Count{Total: One})
			}
		})
	}
	b.Run("turn of 10 s", func(b *testing.B) {
		c := NewCounts(plan, start)
		now := start
		b.ReportAllocs()
		for b.Loop() {
			now += int64(10 * time.Second)
			c.Add(now, Count{Total: One})
			c.Advance(now)
		}
	})
}

func TestCountingAllocatesNothing(t *testing.T) {
	plan := newPlan(t, allWindows...)
	now := int64(time.Hour)
	c := NewCounts(plan, now)
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		now += int64(3 * time.Second)
		c.Advance(now)
		c.Add(now, Count{One, One})
		c.Add(now-int64(time.Hour), Count{One, One})
		c.Sum(0)
	}))
}
