// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
)

// distribution is the columns that both kinds of histograms have, beside
// those of every metric. The tables hold no presence of Sum, Min and Max:
// where a point has none, 0 is stored.
type distribution struct {
	count       uint64s
	sum         float64s
	exemplars   *exemplars
	flags       uint32s
	min         float64s
	max         float64s
	temporality int32s
}

// head is the columns before the buckets.
func (d *distribution) head() proto.Input {
	return proto.Input{
		{Name: "Count", Data: &d.count},
		{Name: "Sum", Data: &d.sum},
	}
}

// tail is the columns after the buckets.
func (d *distribution) tail() proto.Input {
	return append(d.exemplars.input(),
		proto.InputColumn{Name: "Flags", Data: &d.flags},
		proto.InputColumn{Name: "Min", Data: &d.min},
		proto.InputColumn{Name: "Max", Data: &d.max},
		proto.InputColumn{Name: "AggregationTemporality", Data: &d.temporality},
	)
}

// Histogram is the columns of the table of histograms, one row a data point.
type Histogram struct {
	block
	points
	distribution
	bucketCounts   *countArrays
	explicitBound  float64s
	explicitBounds array
}

func newHistogram() *Histogram {
	h := &Histogram{
		points:       newPoints(),
		distribution: distribution{exemplars: newExemplars()},
		bucketCounts: newCountArrays(),
	}
	h.explicitBounds = nested(&h.explicitBound)[0]
	h.block.columns = append(h.points.input(), h.head()...)
	h.block.columns = append(h.block.columns,
		proto.InputColumn{Name: "BucketCounts", Data: h.bucketCounts},
		proto.InputColumn{Name: "ExplicitBounds", Data: &h.explicitBounds},
	)
	h.block.columns = append(h.block.columns, h.tail()...)
	return h
}

func (h *Histogram) append(from *origin) {
	histogram := from.metric.Histogram()
	data := histogram.DataPoints()
	h.points.share(from, data.Len())
	for i := range data.Len() {
		point := data.At(i)
		h.points.append(point.Attributes(), point.StartTimestamp(), point.Timestamp(), &h.corrected)
		h.count.append(point.Count())
		h.sum.append(point.Sum())
		h.bucketCounts.append(point.BucketCounts())
		for n := range point.ExplicitBounds().Len() {
			h.explicitBound.append(point.ExplicitBounds().At(n))
		}
		h.explicitBounds.endRow()
		h.exemplars.append(point.Exemplars(), &h.corrected)
		h.flags.append(uint32(point.Flags()))
		h.min.append(point.Min())
		h.max.append(point.Max())
		h.temporality.append(int32(histogram.AggregationTemporality()))
	}
}

// ExponentialHistogram is the columns of the table of exponential histograms,
// one row a data point.
type ExponentialHistogram struct {
	block
	points
	distribution
	scale          int32s
	zeroCount      uint64s
	positiveOffset int32s
	positiveCounts *countArrays
	negativeOffset int32s
	negativeCounts *countArrays
}

func newExponentialHistogram() *ExponentialHistogram {
	h := &ExponentialHistogram{
		points:         newPoints(),
		distribution:   distribution{exemplars: newExemplars()},
		positiveCounts: newCountArrays(),
		negativeCounts: newCountArrays(),
	}
	h.block.columns = append(h.points.input(), h.head()...)
	h.block.columns = append(h.block.columns,
		proto.InputColumn{Name: "Scale", Data: &h.scale},
		proto.InputColumn{Name: "ZeroCount", Data: &h.zeroCount},
		proto.InputColumn{Name: "PositiveOffset", Data: &h.positiveOffset},
		proto.InputColumn{Name: "PositiveBucketCounts", Data: h.positiveCounts},
		proto.InputColumn{Name: "NegativeOffset", Data: &h.negativeOffset},
		proto.InputColumn{Name: "NegativeBucketCounts", Data: h.negativeCounts},
	)
	h.block.columns = append(h.block.columns, h.tail()...)
	return h
}

func (h *ExponentialHistogram) append(from *origin) {
	histogram := from.metric.ExponentialHistogram()
	data := histogram.DataPoints()
	h.points.share(from, data.Len())
	for i := range data.Len() {
		point := data.At(i)
		h.points.append(point.Attributes(), point.StartTimestamp(), point.Timestamp(), &h.corrected)
		h.count.append(point.Count())
		h.sum.append(point.Sum())
		h.scale.append(point.Scale())
		h.zeroCount.append(point.ZeroCount())
		h.positiveOffset.append(point.Positive().Offset())
		h.positiveCounts.append(point.Positive().BucketCounts())
		h.negativeOffset.append(point.Negative().Offset())
		h.negativeCounts.append(point.Negative().BucketCounts())
		h.exemplars.append(point.Exemplars(), &h.corrected)
		h.flags.append(uint32(point.Flags()))
		h.min.append(point.Min())
		h.max.append(point.Max())
		h.temporality.append(int32(histogram.AggregationTemporality()))
	}
}
