// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package shared lets the pipelines of one component ID share one instance: it
// is made by the first that asks, started by the first that starts and shut
// down by the last that shuts down. After that the key is free again, so that a
// reload makes a new instance.
package shared

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
)

// Registry holds instances by key. It belongs to a factory.
type Registry[K comparable, V component.Component] struct {
	mu        sync.Mutex
	instances map[K]*instance[V]
}

// NewRegistry makes an empty registry.
func NewRegistry[K comparable, V component.Component]() *Registry[K, V] {
	return &Registry[K, V]{instances: make(map[K]*instance[V])}
}

type instance[V component.Component] struct {
	value   V
	users   int
	started bool
	err     error // of Start, for those that start later
}

// Get returns a user's hold on the instance of key, made by make where there is
// none. Each hold must be shut down.
func (r *Registry[K, V]) Get(key K, make func() (V, error)) (*Hold[K, V], error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.instances[key]
	if !ok {
		value, err := make()
		if err != nil {
			return nil, err
		}
		i = &instance[V]{value: value}
		r.instances[key] = i
	}
	i.users++
	return &Hold[K, V]{registry: r, key: key, instance: i}, nil
}

// Hold is one pipeline's use of an instance.
type Hold[K comparable, V component.Component] struct {
	registry *Registry[K, V]
	key      K
	instance *instance[V]
	released bool
}

// Value is the shared instance.
func (h *Hold[K, V]) Value() V { return h.instance.value }

// Start starts the instance, if no other hold has.
func (h *Hold[K, V]) Start(ctx context.Context, host component.Host) error {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	if !h.instance.started {
		h.instance.started = true
		h.instance.err = h.instance.value.Start(ctx, host)
	}
	return h.instance.err
}

// Shutdown shuts the instance down, if no other hold remains.
func (h *Hold[K, V]) Shutdown(ctx context.Context) error {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	if h.released {
		return nil
	}
	h.released = true
	h.instance.users--
	if h.instance.users > 0 {
		return nil
	}
	delete(h.registry.instances, h.key)
	return h.instance.value.Shutdown(ctx)
}
