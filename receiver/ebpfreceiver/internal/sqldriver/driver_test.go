// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sqldriver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/headertest"
)

func TestSystem(t *testing.T) {
	require.Equal(t, Other, System(0))
	for i, driver := range Known() {
		require.Equal(t, driver.System, System(uint32(i+1)))
		require.Regexp(t, `^[a-zA-Z0-9./-]+\.\(\*[a-zA-Z]+\)\.Close$`, driver.Close)
	}
	require.Equal(t, Other, System(uint32(len(Known())+1)))
}

func TestThereIsRoomForAll(t *testing.T) {
	header := headertest.Constants(t, "process.h")
	require.Contains(t, header, "SQL_DRIVERS")
	require.LessOrEqual(t, int64(len(Known())), header["SQL_DRIVERS"])
}
