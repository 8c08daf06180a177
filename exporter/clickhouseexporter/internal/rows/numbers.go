// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
)

// Gauge is the columns of the table of gauges, one row a data point.
type Gauge struct {
	block
	points
	value     proto.ColFloat64
	flags     proto.ColUInt32
	exemplars exemplars
}

func newGauge() *Gauge {
	g := &Gauge{points: newPoints(), exemplars: newExemplars()}
	g.block.columns = append(g.points.input(),
		proto.InputColumn{Name: "Value", Data: &g.value},
		proto.InputColumn{Name: "Flags", Data: &g.flags},
	)
	g.block.columns = append(g.block.columns, g.exemplars.input()...)
	return g
}

func (g *Gauge) append(from *origin) {
	for _, point := range from.metric.Gauge().DataPoints().All() {
		g.points.append(from, point.Attributes(), point.StartTimestamp(), point.Timestamp(), &g.corrected)
		g.value.Append(numberValue(point))
		g.flags.Append(uint32(point.Flags()))
		g.exemplars.append(point.Exemplars(), &g.corrected)
	}
}

// Sum is the columns of the table of sums, one row a data point.
type Sum struct {
	block
	points
	value       proto.ColFloat64
	flags       proto.ColUInt32
	exemplars   exemplars
	temporality proto.ColInt32
	isMonotonic proto.ColBool
}

func newSum() *Sum {
	s := &Sum{points: newPoints(), exemplars: newExemplars()}
	s.block.columns = append(s.points.input(),
		proto.InputColumn{Name: "Value", Data: &s.value},
		proto.InputColumn{Name: "Flags", Data: &s.flags},
	)
	s.block.columns = append(s.block.columns, s.exemplars.input()...)
	s.block.columns = append(s.block.columns,
		proto.InputColumn{Name: "AggregationTemporality", Data: &s.temporality},
		proto.InputColumn{Name: "IsMonotonic", Data: &s.isMonotonic},
	)
	return s
}

func (s *Sum) append(from *origin) {
	sum := from.metric.Sum()
	for _, point := range sum.DataPoints().All() {
		s.points.append(from, point.Attributes(), point.StartTimestamp(), point.Timestamp(), &s.corrected)
		s.value.Append(numberValue(point))
		s.flags.Append(uint32(point.Flags()))
		s.exemplars.append(point.Exemplars(), &s.corrected)
		s.temporality.Append(int32(sum.AggregationTemporality()))
		s.isMonotonic.Append(sum.IsMonotonic())
	}
}

// Summary is the columns of the table of summaries, one row a data point.
type Summary struct {
	block
	points
	count    proto.ColUInt64
	sum      proto.ColFloat64
	quantile *proto.ColFloat64
	value    *proto.ColFloat64
	flags    proto.ColUInt32

	quantiles, values array
}

func newSummary() *Summary {
	s := &Summary{points: newPoints(), quantile: new(proto.ColFloat64), value: new(proto.ColFloat64)}
	s.quantiles.elements, s.values.elements = s.quantile, s.value
	s.block.columns = append(s.points.input(),
		proto.InputColumn{Name: "Count", Data: &s.count},
		proto.InputColumn{Name: "Sum", Data: &s.sum},
		proto.InputColumn{Name: "ValueAtQuantiles.Quantile", Data: &s.quantiles},
		proto.InputColumn{Name: "ValueAtQuantiles.Value", Data: &s.values},
		proto.InputColumn{Name: "Flags", Data: &s.flags},
	)
	return s
}

func (s *Summary) append(from *origin) {
	for _, point := range from.metric.Summary().DataPoints().All() {
		s.points.append(from, point.Attributes(), point.StartTimestamp(), point.Timestamp(), &s.corrected)
		s.count.Append(point.Count())
		s.sum.Append(point.Sum())
		for _, at := range point.QuantileValues().All() {
			s.quantile.Append(at.Quantile())
			s.value.Append(at.Value())
		}
		endRows(&s.quantiles, &s.values)
		s.flags.Append(uint32(point.Flags()))
	}
}
