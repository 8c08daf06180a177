// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engineenv

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOf(t *testing.T) {
	assert.Equal(t,
		[]string{"FATHOM_CACHE=/c", "HOME=/root", "XDG_CACHE_HOME=/x", "TZ=UTC", "LD_LIBRARY_PATH=/l=1", "LD_PRELOAD="},
		Of([]string{
			"API_TOKEN=secret", "FATHOM_CACHE=/c", "HOME=/root", "HOMES=secret", "XDG_CACHE_HOME=/x", "PATH=/bin", "TZ=UTC",
			"LD_LIBRARY_PATH=/l=1", "LD_PRELOAD=", "OLD_KEY=secret", "FATHOM_ENGINE_CONFINED=pid 1", "secret", "=secret",
		}))
	// An empty environment, which os/exec would take nil for the whole one.
	assert.NotNil(t, Of(nil))
}
