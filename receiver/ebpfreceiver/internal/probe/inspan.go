// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// partPlaces and parts are PART_PLACES of bpf/headers/in_span.h, and how many there
// are.
const (
	partPlaces = 64
	parts      = 64
)

// freePlaces makes all places for goroutines that are in a span free.
func (p *Programs) freePlaces() error {
	for i := p.spans.InSpan.MaxEntries(); i > 0; i-- { // the first comes out first
		if err := p.freePlace(i - 1); err != nil {
			return err
		}
	}
	return nil
}

func (p *Programs) freePlace(index uint32) error {
	if err := p.spans.FreePlaces.Update(nil, index, ebpf.UpdateAny); err != nil {
		return fmt.Errorf("freeing place %d for goroutines that are in a span: %w", index, err)
	}
	return nil
}

// clearPlace frees the place of a goroutine that is forgotten: counted from 1, 0
// where it had none. Its process has no probe that could do it meanwhile.
func (p *Programs) clearPlace(place uint32) error {
	if place == 0 {
		return nil
	}
	index := place - 1
	if err := p.spans.InSpan.Put(index, &spansInSpanPlace{}); err != nil {
		return fmt.Errorf("clearing the place of a goroutine: %w", err)
	}
	if err := p.countCleared(parts + index/partPlaces); err != nil {
		return fmt.Errorf("counting the places that were cleared: %w", err)
	}
	return p.freePlace(index)
}

// countCleared counts a place that no program gives back.
func (p *Programs) countCleared(part uint32) error {
	p.clearing.Lock()
	defer p.clearing.Unlock()
	var n uint64
	if err := p.spans.Parts.Lookup(part, &n); err != nil {
		return err
	}
	return p.spans.Parts.Put(part, n+1)
}
