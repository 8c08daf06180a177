// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

// taken is what a queue took.
type taken struct {
	mu      sync.Mutex
	batches []plog.Logs
	err     error
}

func (q *taken) offer(_ context.Context, logs plog.Logs) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	q.batches = append(q.batches, logs)
	return nil
}

func (q *taken) sizes() []int {
	q.mu.Lock()
	defer q.mu.Unlock()
	var sizes []int
	for _, batch := range q.batches {
		sizes = append(sizes, batch.LogRecordCount())
	}
	return sizes
}

func gather(config exporterhelper.BatchConfig) (*gatherer[plog.Logs], *taken) {
	q := &taken{}
	config.Sizer = exporterhelper.RequestSizerTypeItems
	return newGatherer(&config, pile[plog.Logs]{
		items: plog.Logs.LogRecordCount,
		fresh: plog.NewLogs,
		move:  func(from, to plog.Logs) { from.ResourceLogs().MoveAndAppendTo(to.ResourceLogs()) },
		copy:  plog.Logs.CopyTo,
	}, q.offer), q
}

func TestGatherer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, q := gather(exporterhelper.BatchConfig{FlushTimeout: time.Second, MinSize: 5, MaxSize: 7})
		var senders sync.WaitGroup
		send := func(texts ...string) {
			senders.Go(func() { assert.NoError(t, g.add(t.Context(), bodies(texts...))) })
			synctest.Wait()
		}
		send("a", "b")
		send("c")
		assert.Empty(t, q.sizes(), "who sends waits")
		send("d", "e")
		assert.Equal(t, []int{5}, q.sizes(), "enough is there")
		send("f")
		time.Sleep(time.Second + 1)
		synctest.Wait()
		assert.Equal(t, []int{5, 1}, q.sizes(), "time is over")
		send("g", "h", "i", "j")
		send("k", "l", "m", "n")
		assert.Equal(t, []int{5, 1, 4}, q.sizes(), "both would be too much")
		g.stop()
		assert.Equal(t, []int{5, 1, 4, 4}, q.sizes())
		senders.Wait()
		require.ErrorIs(t, g.add(t.Context(), bodies("o")), errStopped)
		require.NoError(t, g.add(t.Context(), plog.NewLogs()), "nothing is soon stored")
	})
}

// TestGathererRefuses has a queue that is full: all who sent a part of the batch
// hear of it, and have their requests still.
func TestGathererRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, q := gather(exporterhelper.BatchConfig{FlushTimeout: time.Second, MinSize: 100})
		q.err = errors.New("full")
		request := rowstest.Logs()
		var senders sync.WaitGroup
		for range 3 {
			senders.Go(func() { assert.ErrorIs(t, g.add(t.Context(), request), q.err) })
		}
		senders.Wait()
		assert.Equal(t, rowstest.Logs(), request)

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, g.add(ctx, request), context.DeadlineExceeded)
		g.stop()
	})
}

// TestGathererStopsWithoutRoom has a queue that is full and, with
// block_on_overflow, lets a batch wait: it is given up, and its sender hears of it.
func TestGathererStopsWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := gather(exporterhelper.BatchConfig{FlushTimeout: time.Millisecond, MinSize: 100})
		g.offer = func(ctx context.Context, _ plog.Logs) error { <-ctx.Done(); return ctx.Err() }
		var sender sync.WaitGroup
		sender.Go(func() { assert.ErrorIs(t, g.add(t.Context(), bodies("a")), context.Canceled) })
		time.Sleep(time.Second)
		stopped := time.Now()
		g.stop()
		sender.Wait()
		assert.Equal(t, stopTimeout, time.Since(stopped))
	})
}

// TestBatchesAreFormedBeforeTheyArePersisted counts the requests in a queue's
// storage, of each signal but profiles, which are inserted as they come.
func TestBatchesAreFormedBeforeTheyArePersisted(t *testing.T) {
	for signal, create := range signals() {
		if signal == "profiles" {
			continue
		}
		t.Run(signal, func(t *testing.T) {
			cfg := patient("127.0.0.1:1")
			cfg.Endpoint = closedEndpoint(t)
			id := diskID()
			cfg.QueueSettings.Get().StorageID = &id
			cfg.QueueSettings.Get().Batch.GetOrInsertDefault().FlushTimeout = patience
			d := &disk{values: map[string][]byte{}, left: 1000}
			e, err := create(t.Context(), settings(), cfg)
			require.NoError(t, err)
			require.NoError(t, e.Start(t.Context(), hostOf{componenttest.NewNopHost(), d}))
			var senders sync.WaitGroup
			for range 7 {
				senders.Go(func() { assert.NoError(t, e.send(t.Context())) })
			}
			gathered := map[string]func() int{
				"traces":  func() int { return itemsOf(&e.Component.(*tracesIntake).intake) },
				"logs":    func() int { return itemsOf(&e.Component.(*logsIntake).intake) },
				"metrics": func() int { return itemsOf(&e.Component.(*metricsIntake).intake) },
			}[signal]
			want := 7 * map[string]int{"traces": 4, "logs": 4, "metrics": 14}[signal]
			require.Eventually(t, func() bool { return gathered() == want }, patience, time.Millisecond)
			require.NoError(t, e.Shutdown(t.Context()))
			senders.Wait()
			delete(d.values, queueMetadata)
			assert.Len(t, d.values, 1)
		})
	}
}

// itemsOf is how many items the open batch has.
func itemsOf[D any](i *intake[D]) int {
	i.gatherer.mu.Lock()
	defer i.gatherer.mu.Unlock()
	if i.gatherer.open == nil {
		return 0
	}
	return i.gatherer.open.size
}
