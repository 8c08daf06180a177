// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var grpcFields = []Field{
	{"google.golang.org/grpc/internal/transport.ServerStream", "Stream"},
	{"google.golang.org/grpc/internal/transport.ServerStream", "st"},
	{"google.golang.org/grpc/internal/transport.Stream", "method"},
	{"google.golang.org/grpc/internal/transport.Stream", "id"},
	{"google.golang.org/grpc/internal/status.Status", "s"},
	{"google.golang.org/grpc/internal/status.Error", "s"},
	{"google.golang.org/grpc.ClientConn", "target"},
	{"google.golang.org/genproto/googleapis/rpc/status.Status", "Code"},
	{"golang.org/x/net/http2.MetaHeadersFrame", "HeadersFrame"},
	{"golang.org/x/net/http2.MetaHeadersFrame", "Fields"},
	{"golang.org/x/net/http2.HeadersFrame", "FrameHeader.StreamID"},
	{"golang.org/x/net/http2/hpack.HeaderField", "Name"},
	{"golang.org/x/net/http2/hpack.HeaderField", "Value"},
	{"golang.org/x/net/http2/hpack.HeaderField", "Sensitive"},
}

// program builds ./testdata/name.
func program(t *testing.T, name string, arguments ...string) *Binary {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	output, err := exec.Command("go", append(append([]string{"build"}, arguments...), "-o", out, "./testdata/"+name)...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return open(t, out)
}

// TestTableOfGRPCAgreesWithDWARF: the releases of gRPC and genproto that this
// module requires are in the table, as the compiler laid them out.
func TestTableOfGRPCAgreesWithDWARF(t *testing.T) {
	whole, stripped := program(t, "grpc"), program(t, "grpc", "-ldflags=-s -w")
	want, err := whole.Offsets(grpcFields)
	require.NoError(t, err)
	got, err := stripped.Offsets(grpcFields)
	require.NoError(t, err)
	for _, field := range grpcFields {
		assert.Equal(t, SourceDWARF, want[field].Source, field)
		assert.Equal(t, Offset{Bytes: want[field].Bytes, Source: SourceTable}, got[field], field)
	}
}
