// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/deadletter"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
)

// maxIsolated is how many rows of a part are refused one by one. Each costs up
// to three INSERTs a halving: with more of them it is the table that is at fault.
const maxIsolated = 32

// reasonTooMany is the reason of rows that were refused unsearched, since
// maxIsolated others of their part were refused before.
const reasonTooMany = "too_many_bad_rows"

// extent is rows of a part, from up to to.
type extent struct {
	from, to int
	// pastViews is set once the table's views are no longer asked.
	pastViews bool
}

// portion is a part of a delivery's rows of a table.
type portion struct {
	table string
	// n is the part's number, and first the number of its first row in the table's.
	n, first int
	input    proto.Input
	// excerpt tells rows of the table.
	excerpt deadletter.Excerpt
}

func (p portion) rows() int { return p.input[0].Data.Rows() }

// search is what is known of the rows of a part: first that all of it is open;
// then, where ClickHouse refuses it for its values, what is left of its halves.
// An attempt goes on where the one before it ended.
type search struct {
	begun bool
	// open are the extents that are neither stored nor refused, in order.
	open []extent
	// stored and refused are numbers of rows; isolated are those that were refused
	// one by one.
	stored, refused, isolated int
	// first is why the first extent was refused; whole, why the first of more than
	// one row was.
	first, whole error
}

// insertPart inserts a part of a delivery's rows of a table, and isolates the rows
// that do not fit the table by halving what ClickHouse refuses. It returns an error
// where the next attempt is to go on.
//
// Each extent has a token of its own. A Collector that was killed in between
// begins anew: the part is refused, halved and refused as before, and the
// extents that were stored are known by their tokens. Through a Distributed table
// nothing is halved: one of its shards may have stored its share of the whole.
func (i *inserter) insertPart(ctx context.Context, d *delivery, p portion, s *search) error {
	if !s.begun {
		*s = search{begun: true, open: []extent{{to: p.rows()}}}
	}
	for len(s.open) > 0 {
		e := &s.open[0]
		err := i.insertExtent(ctx, d, p, *e)
		switch {
		case err == nil:
			s.stored += e.to - e.from
			s.open = s.open[1:]
		case !consumererror.IsPermanent(err):
			return err
		case client.OfRows(err) && !e.pastViews:
			e.pastViews = true
		case client.OfRows(err) && e.to-e.from > 1 && s.isolated < maxIsolated && i.into(p.table) == p.table:
			s.halve()
		default:
			i.refuse(ctx, d, p, s, err)
		}
	}
	return nil
}

// insertExtent inserts rows of a part.
//
// A view of the table may refuse rows that the table has stored by then: halves of
// them, under other tokens, would be stored again. So what was refused is sent once
// more past the views, under the same token. Where that succeeds, the rows are in
// the table, once, and it was a view that failed.
func (i *inserter) insertExtent(ctx context.Context, d *delivery, p portion, e extent) error {
	input, unit := p.input, strconv.Itoa(p.n)
	if e.from > 0 || e.to < p.rows() {
		input, unit = rows.Window(p.input, e.from, e.to), fmt.Sprintf("%d.%d.%d", p.n, e.from, e.to)
	}
	if !e.pastViews {
		return i.insertUnit(ctx, d, p.table, unit, input)
	}
	err := i.insertUnit(ctx, d, p.table, unit, input, ch.Setting{Key: "materialized_views_ignore_errors", Value: "1", Important: true})
	if err == nil {
		i.telemetry.ViewFailures.Add(ctx, int64(e.to-e.from), metric.WithAttributes(i.place(p.table).attributes()...))
		i.logger.Warn("a materialized view of the table fails on rows that the table itself has stored: they are missing in that view",
			zap.String("table", p.table), zap.Int("rows", e.to-e.from))
	}
	return err
}

// halve opens the halves of the first extent in its place.
func (s *search) halve() {
	e := s.open[0]
	middle := e.from + (e.to-e.from)/2
	s.open = append([]extent{{from: e.from, to: middle}, {from: middle, to: e.to}}, s.open[1:]...)
}

// refuse gives the rows of the first extent up for good.
func (i *inserter) refuse(ctx context.Context, d *delivery, p portion, s *search, err error) {
	e := s.open[0]
	count := e.to - e.from
	s.open = s.open[1:]
	s.refused += count
	if s.first == nil {
		s.first = err
	}
	reason := client.Reason(err)
	switch {
	case count == 1:
		s.isolated++
	case s.whole == nil:
		s.whole = err
	}
	if count > 1 && client.OfRows(err) && s.isolated >= maxIsolated {
		reason = reasonTooMany
	}
	d.settled(count)
	i.account.refuse(i.place(p.table), reason, count)
	i.bury(ctx, p.table, reason, p.excerpt, p.first+e.from, p.first+e.to)
}

// verdict is why a part counts as refused: nothing of it was stored, or rows of it
// were refused with others. Where all others were stored, the rows that were
// refused are counted and in the log, and the request as a whole is stored.
func (i *inserter) verdict(table string, s *search) error {
	if s.refused == 0 {
		return nil
	}
	i.logger.Warn("ClickHouse refused rows for what they are", zap.String("table", table),
		zap.Int("refused", s.refused), zap.Int("isolated", s.isolated), zap.Int("stored", s.stored), zap.Error(s.first))
	switch {
	case s.whole != nil:
		return s.whole
	case s.stored == 0:
		return s.first
	default:
		return nil
	}
}
