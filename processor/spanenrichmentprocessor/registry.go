// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/processor"
)

// registry holds the enrichment of each component ID for as long as a
// processor uses it. After the last one was shut down, a reload gets a new one.
type registry struct {
	mu   sync.Mutex
	byID map[component.ID]*shared
}

func newRegistry() *registry { return &registry{byID: map[component.ID]*shared{}} }

// acquire returns a reference to the enrichment of a component ID. Each must
// be shut down, started or not.
func (r *registry) acquire(set processor.Settings, config *Config) (*reference, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.byID[set.ID]
	if s == nil {
		enrichment, err := newEnrichment(set, config)
		if err != nil {
			return nil, fmt.Errorf("making the state shared by the pipelines of %s: %w", set.ID, err)
		}
		s = &shared{enrichment: enrichment}
		r.byID[set.ID] = s
	}
	s.references++
	return &reference{enrichment: s.enrichment, shared: s, release: func() { r.release(set.ID, s) }}, nil
}

func (r *registry) release(id component.ID, s *shared) {
	r.mu.Lock()
	s.references--
	last := s.references == 0
	if last {
		delete(r.byID, id)
	}
	r.mu.Unlock()
	if last {
		s.enrichment.shutdown()
	}
}

// shared is an enrichment and its users.
type shared struct {
	enrichment *enrichment
	references int
	start      sync.Once
}

// reference is one processor's use of an enrichment.
type reference struct {
	*enrichment
	shared  *shared
	release func()
	once    sync.Once
}

// startOnce starts the enrichment with the first of its users.
func (r *reference) startOnce() { r.shared.start.Do(r.enrichment.start) }

// done stops the enrichment with the last of its users.
func (r *reference) done() { r.once.Do(r.release) }
