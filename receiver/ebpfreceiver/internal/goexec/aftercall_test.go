// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAfterCallAMD64(t *testing.T) {
	const target = 0x100
	call := func(at byte) []byte { return []byte{0xe8, 0xfb - at, 0, 0, 0} } // call 0x100, for at < 0xfb
	test := []byte{0x48, 0x85, 0xc9}                                         // test %rcx,%rcx
	store := []byte{0x48, 0x89, 0x44, 0x24, 0x58}                            // mov %rax,0x58(%rsp)
	jne, ret := []byte{0x75, 0x01}, []byte{0x90, 0xc3}                       // jne +1; nop; ret
	join := func(parts ...[]byte) (code []byte) {
		for _, part := range parts {
			code = append(code, part...)
		}
		return code
	}
	for name, test := range map[string]struct {
		code []byte
		at   int
		ok   bool
	}{
		"test and branch":           {join(call(0), test, jne, ret), 8, true},
		"results are stored first":  {join(call(0), store, test, jne, ret), 13, true},
		"a long branch":             {join(call(0), test, []byte{0x0f, 0x85, 1, 0, 0, 0}, ret), 8, true},
		"a result is overwritten":   {join(call(0), []byte{0x48, 0x89, 0xc8}, test, jne, ret), 0, false}, // mov %rcx,%rax
		"the stack pointer changes": {join(call(0), []byte{0x48, 0x83, 0xc4, 0x10}, test, jne, ret), 0, false},
		"no branch":                 {join(call(0), test, ret), 0, false},
		"another call first":        {join(call(0), []byte{0xe8, 0, 0, 0, 0}, test, jne, ret), 0, false},
		"called twice":              {join(call(0), test, jne, call(10), test, jne, ret), 0, false},
		"never called":              {join(test, jne, ret), 0, false},
		"jumped to without a call":  {join([]byte{0x74, 0x05}, call(2), test, jne, ret), 0, false}, // je to the test
		"a jump over both":          {join([]byte{0x74, 0x0a}, call(2), test, jne, ret), 10, true},
		"a jump table":              {join(call(0), test, jne, []byte{0xff, 0xe0}, ret), 0, false}, // jmp *%rax
		"code of no instruction":    {join(call(0), test, jne, []byte{0x06}), 0, false},
		"cut after the call":        {call(0), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			at, ok := afterCallAMD64(test.code, target)
			assert.Equal(t, test.ok, ok)
			if test.ok {
				assert.Equal(t, test.at, at)
			}
		})
	}
}

// TestAfterCall finds the places at which clients learn of an error.
func TestAfterCall(t *testing.T) {
	for name, arguments := range variants {
		if name == "arm64" {
			continue
		}
		b := program(t, "grpc", arguments...)
		for from, to := range map[string]string{
			"net/http.(*Client).send":       "net/http.send",
			"google.golang.org/grpc.invoke": "google.golang.org/grpc.newClientStream",
		} {
			caller, err := b.Function(from)
			require.NoError(t, err)
			callee, err := b.Function(to)
			require.NoError(t, err)
			offset, err := b.AfterCall(caller, callee)
			require.NoError(t, err, name)
			code, err := b.Code(caller)
			require.NoError(t, err)
			assert.True(t, conditionalBranch(code[offset-caller.Offset:]), name)
		}
	}
	b := open(t, fixture(t, "arm64"))
	f, err := b.Function("runtime.casgstatus")
	require.NoError(t, err)
	_, err = b.AfterCall(f, f)
	require.ErrorIs(t, err, ErrNoProbePoint)
}
