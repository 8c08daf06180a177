// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"iter"
	"maps"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// trace is all that is known of one trace ID: its places, and what joins events
// that name no span seen to the spans that cover them.
type trace struct {
	id      pcommon.TraceID
	places  places
	waiting int      // of all its spans, those that wait
	orphans timeline // events whose own span was not seen
	taken   timeline // and those of them that another span took, to know them again

	two [2]*record // orphans, as long as there are no more
}

// find returns what is known of the key: its trace, and its place there. Each is
// nil where there is none.
func (s *Store) find(key *SpanKey) (*trace, *place) {
	t := s.traces.find(&key.Trace)
	if t == nil {
		return nil, nil
	}
	return t, t.places.find(key.Span)
}

func (s *Store) newTrace(id pcommon.TraceID) *trace {
	t := &trace{id: id}
	t.places.list, t.orphans.records = t.places.few[:0], t.two[:0]
	s.traces.add(t)
	s.charge(traceBytes)
	return t
}

// tidyTrace removes a trace that says nothing any more.
func (s *Store) tidyTrace(t *trace) {
	if t.places.empty() && len(t.orphans.records) == 0 && len(t.taken.records) == 0 {
		s.traces.remove(t)
		s.charge(-traceBytes)
	}
}

// places are those of one trace, by span ID. A few are looked through: the IDs
// stand in the trace itself.
type places struct {
	list []placeOf
	many map[pcommon.SpanID]*place // all, once they are more than maxListed
	seen []*place                  // of many, those whose span came
	most int                       // places for which many has room
	few  [4]placeOf                // list, as long as it has no more
}

type placeOf struct {
	span  pcommon.SpanID
	place *place
}

const maxListed = 16

func (p *places) empty() bool { return len(p.list) == 0 && len(p.many) == 0 }

// find returns the place of the span, nil where there is none.
func (p *places) find(span pcommon.SpanID) *place {
	for i := range p.list {
		if p.list[i].span == span {
			return p.list[i].place
		}
	}
	return p.many[span]
}

// add puts a place in whose span has none.
func (p *places) add(made *place) {
	switch {
	case p.many != nil:
		p.many[made.span] = made
		p.most = max(p.most, len(p.many))
	case len(p.list) < maxListed:
		p.list = append(p.list, placeOf{made.span, made})
		if len(p.list) == len(p.few)+1 { // it is elsewhere now
			p.few = [len(p.few)]placeOf{}
		}
	default:
		p.many, p.most = map[pcommon.SpanID]*place{made.span: made}, len(p.list)+1
		for _, of := range p.list {
			p.many[of.span] = of.place
			if of.place.seen {
				p.see(of.place)
			}
		}
		p.list = nil
	}
}

// see and unsee note that the span of a place came, and that this is forgotten.
func (p *places) see(of *place) {
	if p.many != nil {
		of.index = int32(len(p.seen))
		p.seen = append(p.seen, of)
	}
}

func (p *places) unsee(of *place) {
	if p.many == nil {
		return
	}
	last := len(p.seen) - 1
	p.seen[of.index] = p.seen[last]
	p.seen[of.index].index = of.index
	p.seen[last] = nil
	p.seen = p.seen[:last]
}

// remove takes the place of a span out that has one, which is not seen.
func (p *places) remove(span pcommon.SpanID) {
	if p.many != nil {
		delete(p.many, span)
		if len(p.many) < p.most/4 {
			p.shrink()
		}
		return
	}
	i, last := 0, len(p.list)-1
	for p.list[i].span != span {
		i++
	}
	p.list[i], p.list[last] = p.list[last], placeOf{}
	p.list = p.list[:last]
}

// shrink gives memory back that Go's maps and slices keep.
func (p *places) shrink() {
	many := make(map[pcommon.SpanID]*place, len(p.many))
	maps.Copy(many, p.many)
	p.many, p.most, p.seen = many, max(len(many), maxListed), slices.Clone(p.seen)
}

// allSeen yields the places whose span came, in no order.
func (p *places) allSeen() iter.Seq[*place] {
	return func(yield func(*place) bool) {
		for _, of := range p.list {
			if of.place.seen && !yield(of.place) {
				return
			}
		}
		for _, place := range p.seen {
			if !yield(place) {
				return
			}
		}
	}
}
