// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
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
	{"google.golang.org/grpc.clientStream", "cc"},
	{"google.golang.org/grpc.clientStream", "callHdr"},
	{"google.golang.org/grpc.clientStream", "desc"},
	{"google.golang.org/grpc.clientStream", "attempt"},
	{"google.golang.org/grpc/internal/transport.CallHdr", "Method"},
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

// The judge is the symbol table of the same binary.
func TestVariablesOfGRPC(t *testing.T) {
	for name, arguments := range map[string][]string{"normal": nil, "PIE": {"-buildmode=pie"}} {
		t.Run(name, func(t *testing.T) {
			whole, stripped := program(t, "grpc", arguments...), program(t, "grpc", append(arguments, "-ldflags=-s -w")...)
			for _, name := range append(slices.Sorted(maps.Keys(libraryRules)), slices.Sorted(maps.Keys(itabRules))...) {
				want, err := whole.lookUp(name, elf.STT_OBJECT)
				require.NoError(t, err)
				got, err := whole.searchVariable(name)
				require.NoError(t, err, name)
				assert.Equal(t, Symbol{Name: name, Addr: want.addr, Size: want.size}, got, name)
				got, err = stripped.Symbol(name)
				require.NoError(t, err, name)
				assert.Equal(t, want.size, got.Size, name)
			}
		})
	}
}

// A table that is not proven to be the one is none.
func TestTablesOfMethodsThatAreNotFound(t *testing.T) {
	const name = "go:itab.*google.golang.org/grpc/internal/status.Error,error"
	b := program(t, "grpc", "-ldflags=-s -w")
	rule := itabRules[name]
	rule.method = "google.golang.org/grpc/internal/status.(*Error).Is" // of which no interface is made
	_, err := b.searchItab(name, rule)
	require.ErrorContains(t, err, "0 tables")
	rule.method = "google.golang.org/grpc/internal/status.(*Error).None"
	_, err = b.searchItab(name, rule)
	require.ErrorIs(t, err, ErrNoFunction)
	rule = itabRules[name]
	rule.functions = []string{"runtime.allgadd"}
	_, err = b.searchItab(name, rule)
	require.Error(t, err)
	_, err = open(t, fixture(t, "stripped")).Symbol(name)
	require.ErrorIs(t, err, ErrNoSymbol, "without gRPC")
	_, err = open(t, fixture(t, "arm64")).searchItab(name, rule)
	require.ErrorIs(t, err, ErrUnsupported)
}
