// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// ErrCorrupt is that a state is not what was written.
var ErrCorrupt = errors.New("the state is corrupt")

// ErrEpoch is that a state is of another definition of the objective.
var ErrEpoch = errors.New("the state is of another definition of the objective")

// magic begins a state; its last letter is the version of the layout.
const magic = "FSLO1"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append writes the state of the objective i to b: of each budget the counts and the
// alerts, not the events that future alerts would show. A checksum ends it.
func (e *Engine) Append(i int, b []byte) []byte {
	t := e.objectives[i]
	begin := len(b)
	b = append(b, magic...)
	b = appendText(b, t.Epoch)
	b = binary.AppendUvarint(b, uint64(len(t.budgets)))
	for _, one := range t.budgets {
		b = one.append(b)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[begin:], castagnoli))
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendCount(b []byte, n window.Count) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, n.Bad), n.Total)
}

func appendFlag(b []byte, flag bool) []byte {
	if flag {
		return append(b, 1)
	}
	return append(b, 0)
}

func (b *budget) append(to []byte) []byte {
	to = appendFlag(to, b.overflow)
	to = binary.AppendUvarint(to, uint64(len(b.values)))
	for _, value := range b.values {
		to = appendText(to, value)
	}
	to = binary.AppendVarint(to, b.began)
	to = binary.AppendUvarint(to, b.seen)
	to = appendCount(to, b.ever)
	if b.counts != nil {
		to = b.counts.Append(to)
	}
	if b.period != nil {
		to = b.period.Append(to)
	}
	if b.slices != nil {
		to = b.slices.append(to)
	}
	return b.appendAlerts(to)
}

// append writes the slices that have events.
func (s *timeSlices) append(to []byte) []byte {
	to = binary.AppendVarint(to, s.newest)
	for i := range s.ring {
		if one := &s.ring[i]; one.number >= 0 {
			to = appendFlag(to, true)
			to = binary.AppendVarint(to, one.number)
			to = appendCount(appendCount(to, one.events), one.counted)
		}
	}
	return appendFlag(to, false)
}

// appendAlerts writes the alerts that are not inactive, each with the name of its tier.
func (b *budget) appendAlerts(to []byte) []byte {
	for i := range b.alerts {
		a := &b.alerts[i]
		if a.status == Inactive {
			continue
		}
		to = append(to, byte(a.status))
		to = appendText(to, b.of.tierName(i))
		to = binary.AppendVarint(binary.AppendVarint(to, a.since), a.ended)
		to = appendText(to, a.cause)
		to = binary.AppendUvarint(to, uint64(len(a.exemplars)))
		for _, x := range a.exemplars {
			to = append(append(to, x.Trace[:]...), x.Span[:]...)
			to = binary.AppendVarint(binary.AppendVarint(to, x.Time), x.Duration)
		}
	}
	return append(to, byte(Inactive))
}

func (t *tracked) tierName(i int) string {
	if i < len(t.Tiers) {
		return t.Tiers[i].Name
	}
	return BudgetTier
}

// Restore makes the state the objective's, in place of what was counted since New. If
// it returns an error, that is ErrCorrupt or ErrEpoch and the objective is as it was.
func (e *Engine) Restore(i int, state []byte) error {
	t := e.objectives[i]
	end := len(state) - crc32.Size
	switch {
	case end < len(magic) || string(state[:len(magic)]) != magic:
		return fmt.Errorf("%w: it does not begin with %s", ErrCorrupt, magic)
	case crc32.Checksum(state[:end], castagnoli) != binary.LittleEndian.Uint32(state[end:]):
		return fmt.Errorf("%w: its checksum is another", ErrCorrupt)
	}
	r := window.NewReader(state[len(magic):end])
	if epoch := readText(r); r.Err() == nil && epoch != t.Epoch {
		return fmt.Errorf("%w: of %s, not %s", ErrEpoch, epoch, t.Epoch)
	}
	restored := make([]*budget, 0, len(t.budgets))
	for range r.Uvarint() {
		restored = append(restored, t.read(e, r))
		if r.Err() != nil {
			break
		}
	}
	switch {
	case r.Err() != nil:
		return fmt.Errorf("%w: %w", ErrCorrupt, r.Err())
	case r.Rest() > 0:
		return fmt.Errorf("%w: %d bytes follow the last budget", ErrCorrupt, r.Rest())
	case len(t.GroupBy) == 0 && len(restored) != 1:
		return fmt.Errorf("%w: it has %d budgets, and the objective has one", ErrCorrupt, len(restored))
	}
	t.adopt(restored)
	return nil
}

// adopt makes the budgets those of the objective, in place of what it has.
func (t *tracked) adopt(budgets []*budget) {
	t.budgets, t.other = nil, nil
	clear(t.groups)
	for _, b := range budgets {
		if len(t.GroupBy) == 0 {
			t.budgets = budgets
			return
		}
		t.add(string(appendKey(nil, b.values)), b)
	}
}
