// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"slices"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// safeHost is a host whose storage extensions lose nothing of a queue that is
// killed while it starts.
//
// exporterhelper v0.155.0 (persistent_queue.go, enqueueNotDispatchedReqs) first
// deletes the requests that were under way when the Collector ended, in one
// transaction, then adds each to the queue again in one of its own: a kill in
// between loses them. Here, such a deletion joins the next transaction that
// adds no request, which is the one after all were added. A kill before that
// leaves them in the queue twice, with the same identity, and ClickHouse stores
// them once.
type safeHost struct{ component.Host }

// GetExtensions is the host's extensions, those that store behind safeStorage.
func (h safeHost) GetExtensions() map[component.ID]component.Component {
	extensions := map[component.ID]component.Component{}
	for id, extension := range h.Host.GetExtensions() {
		if store, ok := extension.(storage.Extension); ok {
			extension = safeStorage{store}
		}
		extensions[id] = extension
	}
	return extensions
}

type safeStorage struct{ storage.Extension }

// GetClient is the extension's client behind a safeClient.
func (s safeStorage) GetClient(
	ctx context.Context, kind component.Kind, id component.ID, name string,
) (storage.Client, error) {
	c, err := s.Extension.GetClient(ctx, kind, id, name)
	if err != nil {
		return nil, err
	}
	return &safeClient{Client: c}, nil
}

type safeClient struct {
	storage.Client
	mu sync.Mutex
	// held are deletions that wait for their transaction.
	held []*storage.Operation
}

// queueMetadata is the key of the queue's indexes; the other keys are requests.
const queueMetadata = "qmv0"

// Batch runs operations in one transaction, or holds them.
func (c *safeClient) Batch(ctx context.Context, operations ...*storage.Operation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if all(operations, func(o *storage.Operation) bool { return o.Type == storage.Delete && o.Key != queueMetadata }) {
		c.held = append(c.held, operations...)
		return nil
	}
	adds := !all(operations, func(o *storage.Operation) bool { return o.Type != storage.Set || o.Key == queueMetadata })
	indexes := !all(operations, func(o *storage.Operation) bool { return o.Type != storage.Set })
	if adds || !indexes {
		return c.Client.Batch(ctx, operations...)
	}
	err := c.Client.Batch(ctx, append(slices.Clone(operations), c.held...)...)
	if err == nil {
		c.held = nil
	}
	return err
}

func all(operations []*storage.Operation, is func(*storage.Operation) bool) bool {
	return !slices.ContainsFunc(operations, func(o *storage.Operation) bool { return !is(o) })
}
