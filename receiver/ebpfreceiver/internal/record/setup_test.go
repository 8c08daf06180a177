// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func setupRecord(operation uint32) []byte {
	raw := header(kindSetup, setupSize)
	put(raw, setupOperation, operation, uint32(1), uint32(1), uint16(0x304), uint16(4))
	put(raw, setupName, []byte("shopxxx"))
	return raw
}

func TestDecodeSetup(t *testing.T) {
	got, err := Decode(setupRecord(setupLookup))
	require.NoError(t, err)
	require.Equal(t, &Lookup{Header: wantHeader(), Failed: true, Name: "shop"}, got)

	got, err = Decode(setupRecord(setupHandshake))
	require.NoError(t, err)
	require.Equal(t, &Handshake{Header: wantHeader(), Failed: true, Server: true, Version: 0x304, ServerName: "shop"}, got)

	_, err = Decode(setupRecord(3))
	require.ErrorIs(t, err, ErrMalformed)
}
