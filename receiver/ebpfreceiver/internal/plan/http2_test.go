// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/headertest"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

func http2Target(t *testing.T, args ...string) Binary {
	t.Helper()
	b, err := goexec.Open(targettest.BuildHTTP2(t, args...))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// Both servers of HTTP/2 are found, by type descriptors alone too.
func TestForServersOfHTTP2(t *testing.T) {
	real := http2Target(t)
	p := For(real)
	require.Empty(t, p.Refused)
	require.True(t, p.HTTP2)
	require.NotContains(t, fmt.Sprint(p.Offsets.HTTP2), "65535")
	for _, probe := range []Probe{HTTP2Starts, HTTP2Finishes, HTTP2ModuleStarts, HTTP2ModuleFinishes} {
		require.True(t, p.Has(probe), probe)
	}
	require.True(t, p.Offsets.HTTP2[0].RequestBehind)
	stripped := For(http2Target(t, "-ldflags=-s -w"))
	require.True(t, stripped.HTTP2)
	require.Equal(t, p.Offsets.HTTP2, stripped.Offsets.HTTP2)
	require.EqualValues(t, headertest.Constants(t, "process.h")["HTTP2_SERVERS"], http2Servers)
}

// Of two servers that are linked, one that is not known leaves both out.
func TestWhatIsNotProvenOfHTTP2IsLeftOut(t *testing.T) {
	real := http2Target(t)
	const module = "golang.org/x/net/http2."
	for name, b := range map[string]partial{
		"no end of the module's streams": {functions: map[string]error{module + "(*responseWriter).handlerDone": goexec.ErrNoFunction}},
		"no state":                       {fields: map[string]bool{module + "responseWriterState.req": true}},
		"a request that is not behind":   {fields: map[string]bool{module + "responseWriterState.conn": true}},
		"a Go to come":                   {version: "go1.28.0"},
	} {
		t.Run(name, func(t *testing.T) {
			b.Binary = real
			p := For(&b)
			require.Contains(t, features(p), HTTP2)
			require.False(t, p.HTTP2)
			for _, probe := range []Probe{HTTP2Starts, HTTP2Finishes, HTTP2ModuleStarts, HTTP2ModuleFinishes} {
				require.False(t, p.Has(probe), probe)
			}
			require.True(t, p.Has(RequestStarts))
		})
	}
}
