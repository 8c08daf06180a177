// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package window

// Placement is what became of an event's time.
type Placement uint8

const (
	// Current: the event is in the newest bucket.
	Current Placement = iota
	// Late: the event is older than the newest bucket and was counted where its bucket is still held.
	Late
	// Old: no ring holds the event's bucket any more; the event is not counted.
	Old
	// Future: the event's time has not come; it was counted as of now.
	Future

	numPlacements
)

// NumPlacements is how many placements there are.
const NumPlacements = int(numPlacements)

// String is the name of the placement.
func (p Placement) String() string {
	return [...]string{"current", "late", "old", "future"}[p]
}

// Counts are the events of one series by time.
//
// What is in the newest 10 s, and in the 10 s before, from which most spans come,
// is kept apart and goes into the rings when time moves on: such an event costs two
// additions.
type Counts struct {
	plan    *Plan
	now     int64 // the latest time that it was told
	begin   int64 // of the newest 10 s
	current Count // in the newest 10 s
	recent  Count // came late for the 10 s before, and is not in the rings yet
	heads   [numRings]int64
	buckets []Count
	sums    []Sum // without current and recent
}

// NewCounts makes counts with no event.
func NewCounts(plan *Plan, now int64) *Counts {
	c := &Counts{plan: plan, buckets: make([]Count, numBuckets), sums: make([]Sum, len(plan.windows))}
	c.moveTo(now)
	return c
}

// moveTo sets the newest buckets to those of now.
func (c *Counts) moveTo(now int64) {
	c.now = now
	for i := range rings {
		c.heads[i] = number(i, now)
	}
	c.begin = c.heads[0] * int64(rings[0].width)
}

// number is which bucket of the ring t is in, counted from 1970.
func number(ring int, t int64) int64 {
	width := int64(rings[ring].width)
	n := t / width
	if t%width < 0 {
		n--
	}
	return n
}

// at is the bucket of that number.
func (c *Counts) at(ring int, number int64) *Count {
	i := number % int64(rings[ring].buckets)
	if i < 0 {
		i += int64(rings[ring].buckets)
	}
	return &c.buckets[rings[ring].offset+int(i)]
}

// Now is the latest time that the counts were told.
func (c *Counts) Now() int64 { return c.now }

// Add counts events of time t. A time after Now is counted as Now.
func (c *Counts) Add(t int64, n Count) Placement {
	if t >= c.begin {
		c.current = c.current.Plus(n)
		if t > c.now {
			return Future
		}
		return Current
	}
	if t >= c.begin-int64(rings[0].width) {
		c.recent = c.recent.Plus(n)
		return Late
	}
	return c.addLate(t, n)
}

// addLate counts in all rings that hold t's bucket. In the coarser ones that may
// still be the newest.
func (c *Counts) addLate(t int64, n Count) Placement {
	placement := Old
	for i := range rings {
		bucket := number(i, t)
		age := c.heads[i] - bucket
		if age >= int64(rings[i].buckets) {
			continue
		}
		placement = Late
		c.put(i, age, c.at(i, bucket), n)
	}
	return placement
}

// put adds to a bucket that is age buckets older than the newest of its ring, and
// to the windows that reach back to it.
func (c *Counts) put(ring int, age int64, bucket *Count, n Count) {
	before := bucket.Total
	*bucket = bucket.Plus(n)
	occupied := occupation(bucket.Total) - occupation(before)
	for _, w := range c.plan.of[ring] {
		if age < c.plan.windows[w].buckets {
			sum := &c.sums[w]
			sum.Count = sum.Plus(n)
			sum.Occupied += occupied
		}
	}
}

func occupation(total uint64) int {
	if total > 0 {
		return 1
	}
	return 0
}

// Correct changes events of time t that were counted before from one count to
// another, for what is known better later. Where the bucket is no longer held,
// nothing is left to correct.
func (c *Counts) Correct(t int64, from, to Count) Placement {
	return c.Add(min(t, c.now), to.minus(from))
}

// Advance lets time pass. Time that goes back does not.
func (c *Counts) Advance(now int64) {
	if now <= c.now {
		return
	}
	c.now = now
	if now-c.begin < int64(rings[0].width) {
		return
	}
	c.settle()
	c.flush()
	for i := range rings {
		c.turn(i, number(i, now))
	}
	c.moveTo(now)
}

// settle puts what came late for the 10 s before the newest into the rings.
func (c *Counts) settle() {
	if c.recent != (Count{}) {
		c.addLate(c.begin-1, c.recent)
		c.recent = Count{}
	}
}

// flush puts what is in the newest 10 s into the rings, where nothing of it is yet.
func (c *Counts) flush() {
	if c.current == (Count{}) {
		return
	}
	for i := range rings {
		c.put(i, 0, c.at(i, c.heads[i]), c.current)
	}
	c.current = Count{}
}

// turn makes the bucket of that number the newest of the ring.
func (c *Counts) turn(ring int, newest int64) {
	r := rings[ring]
	if newest-c.heads[ring] >= int64(r.buckets) {
		clear(c.buckets[r.offset : r.offset+r.buckets])
		for _, w := range c.plan.of[ring] {
			c.sums[w] = Sum{}
		}
		return
	}
	for head := c.heads[ring] + 1; head <= newest; head++ {
		for _, w := range c.plan.of[ring] {
			leaving := c.at(ring, head-c.plan.windows[w].buckets)
			sum := &c.sums[w]
			sum.Count = sum.minus(*leaving)
			sum.Occupied -= occupation(leaving.Total)
		}
		*c.at(ring, head) = Count{}
	}
}

// Sum is what the window i of the plan holds now.
func (c *Counts) Sum(i int) Sum {
	c.settle()
	sum := c.sums[i]
	w := c.plan.windows[i]
	if occupied := occupation(c.current.Total); occupied > 0 {
		sum.Occupied += occupied - occupation(c.at(w.ring, c.heads[w.ring]).Total)
	}
	sum.Count = sum.Plus(c.current)
	return sum
}

// Begin is when the window i of the plan begins now: its first moment.
func (c *Counts) Begin(i int) int64 {
	w := c.plan.windows[i]
	return (c.heads[w.ring] + 1 - w.buckets) * int64(rings[w.ring].width)
}

// Bytes is the memory of the buckets.
func Bytes() int { return numBuckets * 16 }
