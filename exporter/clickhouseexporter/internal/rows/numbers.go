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
	value     float64s
	flags     uint32s
	exemplars *exemplars
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
	data := from.metric.Gauge().DataPoints()
	g.points.share(from, data.Len())
	for i := range data.Len() {
		point := data.At(i)
		g.points.append(point.Attributes(), point.StartTimestamp(), point.Timestamp(), &g.corrected)
		g.value.append(numberValue(point))
		g.flags.append(uint32(point.Flags()))
		g.exemplars.append(point.Exemplars(), &g.corrected)
	}
}

// Sum is the columns of the table of sums, one row a data point.
type Sum struct {
	block
	points
	value       float64s
	flags       uint32s
	exemplars   *exemplars
	temporality int32s
	isMonotonic bools
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
	data := sum.DataPoints()
	s.points.share(from, data.Len())
	for i := range data.Len() {
		point := data.At(i)
		s.points.append(point.Attributes(), point.StartTimestamp(), point.Timestamp(), &s.corrected)
		s.value.append(numberValue(point))
		s.flags.append(uint32(point.Flags()))
		s.exemplars.append(point.Exemplars(), &s.corrected)
		s.temporality.append(int32(sum.AggregationTemporality()))
		s.isMonotonic.append(sum.IsMonotonic())
	}
}

// Summary is the columns of the table of summaries, one row a data point.
type Summary struct {
	block
	points
	count    uint64s
	sum      float64s
	quantile float64s
	value    float64s
	flags    uint32s

	quantiles []array
}

func newSummary() *Summary {
	s := &Summary{points: newPoints()}
	s.quantiles = nested(&s.quantile, &s.value)
	s.block.columns = append(s.points.input(),
		proto.InputColumn{Name: "Count", Data: &s.count},
		proto.InputColumn{Name: "Sum", Data: &s.sum},
		proto.InputColumn{Name: "ValueAtQuantiles.Quantile", Data: &s.quantiles[0]},
		proto.InputColumn{Name: "ValueAtQuantiles.Value", Data: &s.quantiles[1]},
		proto.InputColumn{Name: "Flags", Data: &s.flags},
	)
	return s
}

func (s *Summary) append(from *origin) {
	data := from.metric.Summary().DataPoints()
	s.points.share(from, data.Len())
	for i := range data.Len() {
		point := data.At(i)
		s.points.append(point.Attributes(), point.StartTimestamp(), point.Timestamp(), &s.corrected)
		s.count.append(point.Count())
		s.sum.append(point.Sum())
		for n := range point.QuantileValues().Len() {
			at := point.QuantileValues().At(n)
			s.quantile.append(at.Quantile())
			s.value.append(at.Value())
		}
		s.quantiles[0].endRow()
		s.flags.append(uint32(point.Flags()))
	}
}
