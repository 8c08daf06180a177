// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sameHTTP2 compares what type descriptors say of the HTTP/2 server of net/http
// with debug information, and asks for places for its probes.
func sameHTTP2(t *testing.T, b *Binary) {
	t.Helper()
	server, requestType := "net/http.http2", "net/http.Request"
	functions := []string{"net/http.(*http2serverConn).runHandler", "net/http.(*http2responseWriter).handlerDone"}
	if version, err := parseVersion(b.GoVersion()); err == nil && !version.less(goVersion{major: 1, minor: 27}) {
		const own = "net/http/internal/http2."
		server, requestType = own, own+"ServerRequest"
		functions = []string{own + "(*serverConn).runHandler", own + "(*responseWriter).handlerDone"}
	}
	for _, name := range functions {
		f, err := b.Function(name)
		require.NoError(t, err)
		_, err = b.ProbePoint(f)
		require.NoError(t, err)
	}
	fields := []Field{{server + "responseWriter", "rws"}}
	for _, name := range []string{"req", "conn", "status"} {
		fields = append(fields, Field{server + "responseWriterState", name})
	}
	if requestType != "net/http.Request" {
		for _, name := range []string{"Method", "URL", "Header"} {
			fields = append(fields, Field{requestType, name})
		}
	}
	for _, field := range fields {
		want, err := resolve(b.dwarfTypes(), field)
		require.NoError(t, err)
		got, err := resolve(b.descriptors(), field)
		require.NoError(t, err, field)
		assert.Equal(t, want, got, field)
	}
}
