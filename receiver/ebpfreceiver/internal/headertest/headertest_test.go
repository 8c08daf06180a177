// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package headertest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConstants(t *testing.T) {
	records := Constants(t, "records.h")
	require.EqualValues(t, 512, records["FILE_PATH_SIZE"])
	require.EqualValues(t, 4, records["RECORD_FILE"], "numbered by hand")
	require.EqualValues(t, 2, records["PATH_CUT"], "numbered by the compiler")
	require.EqualValues(t, 256<<10, records["WAKE_UP_BYTES"], "shifted")
	require.EqualValues(t, 0xffff, Constants(t, "process.h")["UNKNOWN_OFFSET"])
}
