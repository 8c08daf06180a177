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
	count       proto.ColUInt64
	sum         proto.ColFloat64
	exemplars   exemplars
	flags       proto.ColUInt32
	min         proto.ColFloat64
	max         proto.ColFloat64
	temporality proto.ColInt32
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
	bucketCount   *proto.ColUInt64
	explicitBound *proto.ColFloat64

	bucketCounts, explicitBounds array
}

func newHistogram() *Histogram {
	h := &Histogram{
		points:        newPoints(),
		distribution:  distribution{exemplars: newExemplars()},
		bucketCount:   new(proto.ColUInt64),
		explicitBound: new(proto.ColFloat64),
	}
	h.bucketCounts.elements, h.explicitBounds.elements = h.bucketCount, h.explicitBound
	h.block.columns = append(h.points.input(), h.head()...)
	h.block.columns = append(h.block.columns,
		proto.InputColumn{Name: "BucketCounts", Data: &h.bucketCounts},
		proto.InputColumn{Name: "ExplicitBounds", Data: &h.explicitBounds},
	)
	h.block.columns = append(h.block.columns, h.tail()...)
	return h
}

func (h *Histogram) append(from *origin) {
	histogram := from.metric.Histogram()
	for _, point := range histogram.DataPoints().All() {
		h.points.append(from, point.Attributes(), point.StartTimestamp(), point.Timestamp(), &h.corrected)
		h.count.Append(point.Count())
		h.sum.Append(point.Sum())
		appendCounts(&h.bucketCounts, h.bucketCount, point.BucketCounts())
		appendBounds(&h.explicitBounds, h.explicitBound, point.ExplicitBounds())
		h.exemplars.append(point.Exemplars(), &h.corrected)
		h.flags.Append(uint32(point.Flags()))
		h.min.Append(point.Min())
		h.max.Append(point.Max())
		h.temporality.Append(int32(histogram.AggregationTemporality()))
	}
}

// ExponentialHistogram is the columns of the table of exponential histograms,
// one row a data point.
type ExponentialHistogram struct {
	block
	points
	distribution
	scale          proto.ColInt32
	zeroCount      proto.ColUInt64
	positiveOffset proto.ColInt32
	positiveCount  *proto.ColUInt64
	negativeOffset proto.ColInt32
	negativeCount  *proto.ColUInt64

	positiveCounts, negativeCounts array
}

func newExponentialHistogram() *ExponentialHistogram {
	h := &ExponentialHistogram{
		points:        newPoints(),
		distribution:  distribution{exemplars: newExemplars()},
		positiveCount: new(proto.ColUInt64),
		negativeCount: new(proto.ColUInt64),
	}
	h.positiveCounts.elements, h.negativeCounts.elements = h.positiveCount, h.negativeCount
	h.block.columns = append(h.points.input(), h.head()...)
	h.block.columns = append(h.block.columns,
		proto.InputColumn{Name: "Scale", Data: &h.scale},
		proto.InputColumn{Name: "ZeroCount", Data: &h.zeroCount},
		proto.InputColumn{Name: "PositiveOffset", Data: &h.positiveOffset},
		proto.InputColumn{Name: "PositiveBucketCounts", Data: &h.positiveCounts},
		proto.InputColumn{Name: "NegativeOffset", Data: &h.negativeOffset},
		proto.InputColumn{Name: "NegativeBucketCounts", Data: &h.negativeCounts},
	)
	h.block.columns = append(h.block.columns, h.tail()...)
	return h
}

func (h *ExponentialHistogram) append(from *origin) {
	histogram := from.metric.ExponentialHistogram()
	for _, point := range histogram.DataPoints().All() {
		h.points.append(from, point.Attributes(), point.StartTimestamp(), point.Timestamp(), &h.corrected)
		h.count.Append(point.Count())
		h.sum.Append(point.Sum())
		h.scale.Append(point.Scale())
		h.zeroCount.Append(point.ZeroCount())
		h.positiveOffset.Append(point.Positive().Offset())
		appendCounts(&h.positiveCounts, h.positiveCount, point.Positive().BucketCounts())
		h.negativeOffset.Append(point.Negative().Offset())
		appendCounts(&h.negativeCounts, h.negativeCount, point.Negative().BucketCounts())
		h.exemplars.append(point.Exemplars(), &h.corrected)
		h.flags.Append(uint32(point.Flags()))
		h.min.Append(point.Min())
		h.max.Append(point.Max())
		h.temporality.Append(int32(histogram.AggregationTemporality()))
	}
}
