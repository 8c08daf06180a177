// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWaitReasons(t *testing.T) {
	want, err := open(t, fixture(t, "normal")).WaitReasons()
	require.NoError(t, err)
	assert.Contains(t, want, uint8(len(want)-1))
	values := make(map[string]bool)
	for _, text := range want {
		values[text] = true
	}
	for _, text := range []string{"IO wait", "chan receive", "chan send", "select", "sleep", "semacquire", "sync.Mutex.Lock", "GC assist wait"} {
		assert.True(t, values[text], text)
	}
	for _, variant := range []string{"stripped", "pie", "pie-stripped", "arm64"} {
		got, err := open(t, fixture(t, variant)).WaitReasons()
		require.NoError(t, err)
		assert.Equal(t, want, got, variant)
	}
	unknown := open(t, fixture(t, "stripped"))
	unknown.version = "go1.99.0"
	_, err = unknown.WaitReasons()
	require.ErrorIs(t, err, ErrNoSymbol)
}
