// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

var errAway = errors.New("away")

func TestGateTriesUntilItOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		g := newGate(func(context.Context) error {
			if attempts.Add(1) < 4 {
				return errAway
			}
			return nil
		}, zap.NewNop())
		g.start()
		// 250 ms, 500 ms and 1 s pass between four attempts.
		time.Sleep(1740 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, int32(3), attempts.Load())
		assert.False(t, g.open.Load())
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		assert.True(t, g.open.Load())
		require.NoError(t, g.pass(t.Context()))
		assert.Equal(t, int32(4), attempts.Load())

		g.shut()
		require.NoError(t, g.pass(t.Context()))
		assert.Equal(t, int32(5), attempts.Load(), "a shut gate prepares again")
		g.stop()
	})
}

// TestShutGateOpensInTheBackground prepares for longer than data waits, as on a
// cluster whose replicas are slow.
func TestShutGateOpensInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(func(ctx context.Context) error {
			select {
			case <-time.After(50 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, zap.NewNop())
		g.start()
		defer g.stop()
		for range 3 {
			time.Sleep(51 * time.Second)
			synctest.Wait()
			require.True(t, g.open.Load())
			g.shut()
			g.shut()
			synctest.Wait()
			require.False(t, g.open.Load())
		}
	})
}

// TestBackgroundsTimeBeginsWithItsTurn has the background wait for a pass that
// takes most of a minute and fails.
func TestBackgroundsTimeBeginsWithItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(func(ctx context.Context) error {
			select {
			case <-time.After(50 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, zap.NewNop())
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		var pass sync.WaitGroup
		pass.Go(func() { assert.ErrorIs(t, g.pass(ctx), context.DeadlineExceeded) })
		synctest.Wait()
		g.start()
		defer g.stop()
		time.Sleep(91 * time.Second)
		synctest.Wait()
		pass.Wait()
		assert.True(t, g.open.Load())
	})
}

func TestGateReturnsWhyItIsShut(t *testing.T) {
	g := newGate(func(context.Context) error { return errAway }, zap.NewNop())
	require.ErrorIs(t, g.pass(t.Context()), errAway)
	g.stop()
}

func TestGatePreparesOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		g := newGate(func(context.Context) error {
			attempts.Add(1)
			time.Sleep(time.Second)
			return nil
		}, zap.NewNop())
		var passes sync.WaitGroup
		for range 10 {
			passes.Go(func() { assert.NoError(t, g.pass(t.Context())) })
		}
		passes.Wait()
		assert.Equal(t, int32(1), attempts.Load())
	})
}

func TestGateStopsWhilePreparing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, zap.NewNop())
		g.start()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, g.pass(ctx), context.DeadlineExceeded, "a waiting pass keeps to its deadline")
		g.stop()
	})
}
