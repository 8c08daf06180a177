// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkAttach is what attaching to one process asks: open, find the
// functions with their probe points, and the offsets. The executable is Go's own
// compiler, with debug information and stripped: about 30 and 20 MB.
func BenchmarkAttach(b *testing.B) {
	for _, variant := range []struct{ name, flags string }{{"whole", "-ldflags="}, {"stripped", "-ldflags=-s -w"}} {
		path := filepath.Join(b.TempDir(), variant.name)
		output, err := exec.Command("go", "build", variant.flags, "-o", path, "cmd/compile").CombinedOutput()
		require.NoError(b, err, "%s", output)
		info, err := os.Stat(path)
		require.NoError(b, err)
		b.Run(variant.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				attach(b, path)
			}
			b.ReportMetric(float64(info.Size())/1e6, "MB/file")
		})
	}
}

func attach(b *testing.B, path string) {
	binary, err := Open(path)
	require.NoError(b, err)
	for _, name := range wantedFunctions[:12] { // those of package runtime
		f, err := binary.Function(name)
		require.NoError(b, err)
		_, err = binary.ProbePoint(f)
		require.NoError(b, err)
	}
	_, err = binary.Offsets(runtimeFields)
	require.NoError(b, err)
	_, err = binary.WaitReasons()
	require.NoError(b, err)
	require.NoError(b, binary.Close())
}
