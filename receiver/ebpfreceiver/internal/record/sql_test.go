// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func sqlRecord() []byte {
	raw := header(kindSQL, sqlSize)
	put(raw, sqlDriver, uint32(3), uint32(8), uint64(8))
	put(raw, sqlText, []byte("SELECT 1xxx"))
	return raw
}

func TestDecodeSQL(t *testing.T) {
	raw := sqlRecord()
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, &SQL{Span: Span{Header: wantHeader()}, Driver: 3, Text: "SELECT 1"}, got)

	put(raw, sqlWholeLength, uint64(9))
	put(raw, spanFlags, uint32(flagFailed))
	got, err = Decode(raw)
	require.NoError(t, err)
	require.True(t, got.(*SQL).Cut)
	require.True(t, got.(*SQL).Failed)
}
