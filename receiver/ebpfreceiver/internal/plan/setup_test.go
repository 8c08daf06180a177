// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

func TestLookupsAndHandshakes(t *testing.T) {
	real := calls(t)
	lookups, handshakes := []Probe{LookupStarts, LookupEnds}, []Probe{HandshakeStarts, HandshakeServerStarts, HandshakeEnds}
	p := For(real)
	for _, probe := range append(lookups, handshakes...) {
		require.True(t, p.Has(probe), probe)
	}
	require.NotContains(t, []uint16{p.Offsets.TLS.In, p.Offsets.TLS.Error, p.Offsets.TLS.Version, p.Offsets.TLS.ServerName}, uint16(Unknown))

	const conn = "crypto/tls.(*Conn)."
	none := goexec.ErrNoFunction
	for name, test := range map[string]struct {
		binary  partial
		refused Feature
		without []Probe
	}{
		"nobody looks at the address": {partial{functions: map[string]error{"net.(*Resolver).internetAddrList": none}}, Lookups, lookups},
		"no deferred call":            {partial{functions: map[string]error{conn + "handshakeContext.deferwrap2": none}}, Handshakes, handshakes},
		"no place for a probe":        {partial{points: map[string]error{conn + "serverHandshake": goexec.ErrNoProbePoint}}, Handshakes, handshakes},
		"no names of deferred calls":  {partial{version: "go1.21.13"}, Handshakes, handshakes},
		"no error":                    {partial{fields: map[string]bool{"crypto/tls.Conn.handshakeErr": true}}, Handshakes, handshakes},
	} {
		t.Run(name, func(t *testing.T) {
			test.binary.Binary = real
			p := For(&test.binary)
			require.Contains(t, features(p), test.refused)
			for _, probe := range test.without {
				require.False(t, p.Has(probe), probe)
			}
		})
	}

	p = For(&partial{Binary: real, functions: map[string]error{conn + "serverHandshake": none}})
	require.NotContains(t, features(p), Handshakes, "a program that is no server lacks nothing")
	require.True(t, p.Has(HandshakeStarts))
}
