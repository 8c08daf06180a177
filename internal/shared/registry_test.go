// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
)

type spy struct {
	starts, stops int
	startErr      error
}

func (s *spy) Start(context.Context, component.Host) error { s.starts++; return s.startErr }
func (s *spy) Shutdown(context.Context) error              { s.stops++; return nil }

func newSpy() (*spy, error) { return &spy{}, nil }

func TestOneInstanceAKeyStartedAndStoppedOnce(t *testing.T) {
	registry := NewRegistry[string, *spy]()
	a, err := registry.Get("x", newSpy)
	require.NoError(t, err)
	b, err := registry.Get("x", newSpy)
	require.NoError(t, err)
	other, err := registry.Get("y", newSpy)
	require.NoError(t, err)
	require.Same(t, a.Value(), b.Value())
	require.NotSame(t, a.Value(), other.Value())

	require.NoError(t, a.Start(t.Context(), nil))
	require.NoError(t, b.Start(t.Context(), nil))
	require.Equal(t, 1, a.Value().starts)

	require.NoError(t, a.Shutdown(t.Context()))
	require.NoError(t, a.Shutdown(t.Context()), "a second shutdown of one hold releases nothing more")
	require.Zero(t, a.Value().stops)
	require.NoError(t, b.Shutdown(t.Context()))
	require.Equal(t, 1, a.Value().stops)
	require.Zero(t, other.Value().stops)
}

func TestAKeyIsFreeAfterTheLastShutdown(t *testing.T) {
	registry := NewRegistry[string, *spy]()
	first, err := registry.Get("x", newSpy)
	require.NoError(t, err)
	require.NoError(t, first.Shutdown(t.Context()))
	second, err := registry.Get("x", newSpy)
	require.NoError(t, err)
	require.NotSame(t, first.Value(), second.Value())
}

func TestErrors(t *testing.T) {
	registry := NewRegistry[string, *spy]()
	broken := errors.New("broken")
	_, err := registry.Get("x", func() (*spy, error) { return nil, broken })
	require.ErrorIs(t, err, broken)

	failing := func() (*spy, error) { return &spy{startErr: broken}, nil }
	a, err := registry.Get("x", failing)
	require.NoError(t, err, "a failed make leaves the key free")
	b, err := registry.Get("x", failing)
	require.NoError(t, err)
	require.ErrorIs(t, a.Start(t.Context(), nil), broken)
	require.ErrorIs(t, b.Start(t.Context(), nil), broken, "all holds learn that the start failed")
	require.Equal(t, 1, a.Value().starts)
}
