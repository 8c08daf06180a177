// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goruntime

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The buckets of a timeHistogram (runtime/histogram.go): below 1<<8 ns four of
// equal width, then four to each power of two up to 1<<47 ns. Memory holds the
// counts of these, then of underflow (negative), then of overflow.
const (
	minBucketBits = 9
	maxBucketBits = 48
	subBucketBits = 2
	subBuckets    = 1 << subBucketBits
	innerBuckets  = (maxBucketBits - minBucketBits + 1) * subBuckets

	// histogramBuckets is the number of counts, under- and overflow included.
	histogramBuckets = innerBuckets + 2

	timeHistogramSize = histogramBuckets * 8
)

// durations is the content of a timeHistogram, in the order of runtime/metrics:
// underflow, the buckets, overflow.
type durations [histogramBuckets]uint64

// decodeDurations reads a timeHistogram of timeHistogramSize bytes.
func decodeDurations(memory []byte, into *durations) {
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(memory[i*8:]) }
	into[0] = word(innerBuckets)
	for i := range innerBuckets {
		into[i+1] = word(i)
	}
	into[histogramBuckets-1] = word(innerBuckets + 1)
}

// bounds returns the explicit bounds between the counts of durations, in
// seconds: those of runtime/metrics without the infinite ones. The first, 0, is
// the upper bound of the underflow.
func bounds() []float64 {
	b := make([]float64, 0, histogramBuckets-1)
	for j := range subBuckets {
		b = append(b, seconds(uint64(j)<<(minBucketBits-1-subBucketBits)))
	}
	for i := minBucketBits; i < maxBucketBits; i++ {
		for j := range subBuckets {
			b = append(b, seconds(uint64(1)<<(i-1)|uint64(j)<<(i-1-subBucketBits)))
		}
	}
	return append(b, seconds(1<<(maxBucketBits-1)))
}

func seconds(nanoseconds uint64) float64 { return float64(nanoseconds) / 1e9 }

// putDurations fills a data point. As in contrib's instrumentation the sum is
// a lower estimate: it takes each duration for the lower bound of its bucket.
func putDurations(d *durations, bounds []float64, point pmetric.HistogramDataPoint) {
	count, sum := uint64(0), 0.0
	for i, n := range d {
		count += n
		if i > 0 && n != 0 {
			sum += bounds[i-1] * float64(n)
		}
	}
	point.SetCount(count)
	point.SetSum(sum)
	point.ExplicitBounds().FromRaw(bounds)
	point.BucketCounts().FromRaw(d[:])
}

// capped is what contrib's instrumentation makes of a number of runtime/metrics.
func capped(v uint64) int64 { return int64(min(v, math.MaxInt64)) }
