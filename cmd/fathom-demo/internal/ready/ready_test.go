// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ready

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var errNotYet = errors.New("not yet")

func TestUntilRetries(t *testing.T) {
	calls := 0
	require.NoError(t, Until(t.Context(), time.Minute, func(context.Context) error {
		if calls++; calls < 3 {
			return errNotYet
		}
		return nil
	}))
	require.Equal(t, 3, calls)
}

func TestUntilIsBounded(t *testing.T) {
	err := Until(t.Context(), 10*time.Millisecond, func(context.Context) error { return errNotYet })
	require.ErrorIs(t, err, errNotYet)
	require.ErrorContains(t, err, "not within 10ms")
}

func TestUntilTellsTheCause(t *testing.T) {
	died := errors.New("the agent ended")
	ctx, fail := context.WithCancelCause(t.Context())
	err := Until(ctx, time.Minute, func(context.Context) error {
		fail(died)
		return errNotYet
	})
	require.ErrorIs(t, err, died)
}

func TestSettled(t *testing.T) {
	figures := []uint64{0, 3, 5, 7}
	next := func(context.Context) (uint64, error) {
		figure := figures[0]
		if len(figures) > 1 {
			figures = figures[1:]
		}
		return figure, nil
	}
	settled, err := Settled(t.Context(), time.Minute, interval/2, next)
	require.NoError(t, err)
	require.Equal(t, uint64(7), settled)
}

func TestSettledGivesUp(t *testing.T) {
	var figure uint64
	last, err := Settled(t.Context(), 3*interval, time.Minute, func(context.Context) (uint64, error) {
		figure++
		return figure, nil
	})
	require.ErrorIs(t, err, ErrUnsettled)
	require.Equal(t, figure, last)
}
