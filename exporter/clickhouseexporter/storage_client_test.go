// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

var errKilled = errors.New("the process was killed")

// disk is storage that outlives a Collector, and from some transaction on takes
// none any more, as if the Collector were dead.
type disk struct {
	component.StartFunc
	component.ShutdownFunc
	values map[string][]byte
	// left transactions are taken.
	left int
}

func (d *disk) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{diskID(): d}
}

func diskID() component.ID { return component.MustNewID("disk") }

func (d *disk) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return d, nil
}

func (d *disk) Get(_ context.Context, key string) ([]byte, error) { return d.values[key], nil }

func (d *disk) Set(ctx context.Context, key string, value []byte) error {
	return d.Batch(ctx, storage.SetOperation(key, value))
}

func (d *disk) Delete(ctx context.Context, key string) error {
	return d.Batch(ctx, storage.DeleteOperation(key))
}

func (d *disk) Close(context.Context) error { return nil }

func (d *disk) Batch(_ context.Context, operations ...*storage.Operation) error {
	writes := false
	for _, o := range operations {
		if o.Type == storage.Get {
			o.Value = d.values[o.Key]
		} else {
			writes = true
		}
	}
	if !writes {
		return nil
	}
	if d.left == 0 {
		return errKilled
	}
	d.left--
	for _, o := range operations {
		switch o.Type {
		case storage.Set:
			d.values[o.Key] = o.Value
		case storage.Delete:
			delete(d.values, o.Key)
		}
	}
	return nil
}

// TestAKillAtEachTransaction accepts batches while ClickHouse is away, then
// starts the exporter again and kills it after each possible number of
// transactions, and then once more: what was accepted is in the queue.
func TestAKillAtEachTransaction(t *testing.T) {
	const accepted, consumers = 6, 3
	id := diskID()
	cfg := patient("127.0.0.1:1")
	cfg.Endpoint = closedEndpoint(t)
	cfg.QueueSettings.Get().StorageID = &id
	cfg.QueueSettings.Get().NumConsumers = consumers
	live := func(d *disk, requests int) {
		d.left += requests
		e, err := NewFactory().CreateLogs(t.Context(), settings(), cfg)
		require.NoError(t, err)
		require.NoError(t, e.Start(t.Context(), hostOf{componenttest.NewNopHost(), d}))
		for n := range requests {
			require.NoError(t, e.ConsumeLogs(t.Context(), bodies(string(rune('a'+n)))))
		}
		require.NoError(t, e.Shutdown(t.Context()))
	}
	begun := &disk{values: map[string][]byte{}, left: consumers + 2}
	live(begun, accepted)
	for transactions := range 2*accepted + 4 {
		d := &disk{values: maps.Clone(begun.values), left: transactions}
		live(d, 0)
		d.left = 2
		live(d, 0)
		found := map[string]bool{}
		for key, value := range d.values {
			if key != queueMetadata {
				found[string(value)] = true
			}
		}
		assert.GreaterOrEqual(t, len(found), accepted, "after %d transactions", transactions)
	}
}

// hostOf is a host with a disk.
type hostOf struct {
	component.Host
	*disk
}

func (h hostOf) GetExtensions() map[component.ID]component.Component { return h.disk.GetExtensions() }

func TestHeldDeletions(t *testing.T) {
	d := &disk{values: map[string][]byte{"1": nil, "2": nil}, left: 100}
	stored, err := safeStorage{d}.GetClient(t.Context(), component.KindExporter, component.ID{}, "")
	require.NoError(t, err)
	has := func(keys ...string) {
		t.Helper()
		assert.Len(t, d.values, len(keys))
		for _, key := range keys {
			assert.Contains(t, d.values, key)
		}
	}
	require.NoError(t, stored.Batch(t.Context(), storage.DeleteOperation("1"), storage.DeleteOperation("2")))
	has("1", "2")
	require.NoError(t, stored.Batch(t.Context(), storage.SetOperation(queueMetadata, nil), storage.SetOperation("3", nil)))
	has("1", "2", "3", queueMetadata)
	require.NoError(t, stored.Batch(t.Context(), storage.GetOperation("3")))
	has("1", "2", "3", queueMetadata)
	d.left = 0
	require.ErrorIs(t, stored.Batch(t.Context(), storage.SetOperation(queueMetadata, nil), storage.GetOperation("3")), errKilled)
	d.left = 1
	require.NoError(t, stored.Batch(t.Context(), storage.SetOperation(queueMetadata, nil), storage.GetOperation("3")))
	has("3", queueMetadata)
}
