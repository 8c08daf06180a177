// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The judge is a running process: at the run-time address stands the code.
func TestLoadBiasOfProcess(t *testing.T) {
	for _, variant := range []string{"normal", "pie", "pie-stripped"} {
		t.Run(variant, func(t *testing.T) {
			pid := start(t, fixture(t, variant))
			b := open(t, fmt.Sprintf("/proc/%d/exe", pid))
			maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
			require.NoError(t, err)
			defer maps.Close() //nolint:errcheck // opened for reading
			bias, err := b.LoadBias(maps)
			require.NoError(t, err)
			f, err := b.Function("runtime.casgstatus")
			require.NoError(t, err)
			want, err := b.Code(f)
			require.NoError(t, err)
			memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
			require.NoError(t, err)
			defer memory.Close() //nolint:errcheck // opened for reading
			got := make([]byte, len(want))
			_, err = memory.ReadAt(got, int64(f.Addr+bias))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

// start runs a program until the test ends and returns its process ID.
func start(t *testing.T, path string) int {
	t.Helper()
	command := exec.Command(path)
	input, err := command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		require.NoError(t, input.Close())
		require.NoError(t, command.Wait())
	})
	return command.Process.Pid
}

func TestLoadBias(t *testing.T) {
	b := open(t, fixture(t, "pie"))
	b.inode, b.path = 42, "/srv/my app"
	var text struct{ vaddr, offset, size uint64 }
	for _, p := range b.image.file.Progs {
		if b.image.executable(p.Vaddr) && p.Filesz > 0 {
			text.vaddr, text.offset, text.size = p.Vaddr, p.Off, p.Filesz
		}
	}
	const base = 0x7f0000000000
	line := func(permissions string, inode int, path string) string {
		return fmt.Sprintf("%x-%x %s %08x 08:01 %d %s\n", base, base+text.size, permissions, text.offset, inode, path)
	}
	want := base - text.vaddr
	tests := map[string]struct {
		maps string
		ok   bool
	}{
		"by inode":          {line("r-xp", 42, "/elsewhere"), true},
		"by path":           {line("r-xp", 7, "/srv/my app"), true},
		"deleted":           {line("r-xp", 7, "/srv/my app (deleted)"), true},
		"after other lines": {"7ff0-7fff r-xp 00000000 00:00 0 [vdso]\n" + line("r-xp", 42, "x"), true},
		"path before inode": {
			strings.Replace(line("r-xp", 42, "/usr/lib/libother.so"), "7f0000000000", "7e0000000000", 1) + line("r-xp", 7, "/srv/my app"), true,
		},
		"not executable":     {line("r--p", 42, "/srv/my app"), false},
		"another file":       {line("r-xp", 7, "/srv/other"), false},
		"anonymous":          {line("r-xp", 0, ""), false},
		"empty":              {"", false},
		"rubbish":            {"zz-yy r-xp q 08:01 x /srv/my app\n-\n\n", false},
		"end before start":   {"20-10 r-xp 00000000 08:01 42 /srv/my app\n", false},
		"a line without end": {strings.Repeat("x", 1<<20), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := b.LoadBias(strings.NewReader(test.maps))
			if !test.ok {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			assert.EqualValues(t, want, got)
		})
	}
}
