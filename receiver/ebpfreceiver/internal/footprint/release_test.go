// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package footprint

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const mappedPages = 256

// mapped are the first 256 pages of the program's file, mapped once more, that were
// read; and what they have.
func mapped(t *testing.T) (memory, content []byte) {
	t.Helper()
	file, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	memory = mapPrivately(t, file)
	content = make([]byte, len(memory))
	_, err = file.ReadAt(content, 0)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.True(t, bytes.Equal(content, memory))
	return memory, content
}

func mapPrivately(t *testing.T, file *os.File) []byte {
	t.Helper()
	memory, err := unix.Mmap(int(file.Fd()), 0, mappedPages*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(memory)) })
	return memory
}

// resident is how many KiB of files the process has mapped.
func resident(t *testing.T) int {
	t.Helper()
	content, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(content), "RssFile:")
	require.True(t, ok)
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(t, err)
	return kib
}

// isMapped tells whether any page of the memory is.
func isMapped(t *testing.T, memory []byte) bool {
	t.Helper()
	pagemap, err := os.Open("/proc/self/pagemap")
	require.NoError(t, err)
	defer pagemap.Close()
	entries := make([]byte, len(memory)/os.Getpagesize()*entrySize)
	_, err = pagemap.ReadAt(entries, int64(uintptr(unsafe.Pointer(&memory[0]))/uintptr(os.Getpagesize())*entrySize))
	require.NoError(t, err)
	for range runs(entries) {
		return true
	}
	return false
}

func TestReleaseUnmapsPagesOfTheProgramsFile(t *testing.T) {
	memory, content := mapped(t)
	require.NoError(t, unix.Mprotect(memory, unix.PROT_READ))
	before := resident(t)
	require.NoError(t, Release())
	after := resident(t)
	t.Logf("files: %d KiB before, %d KiB after", before, after)
	require.Less(t, after, before-200*os.Getpagesize()/1024)
	require.True(t, bytes.Equal(content, memory), "they are there again when they are read")
}

func TestReleaseLeavesOtherFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mapped")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte{'f'}, mappedPages*os.Getpagesize()), 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	memory := mapPrivately(t, file)
	require.NoError(t, unix.Mprotect(memory, unix.PROT_READ))
	require.Equal(t, len(memory), bytes.Count(memory, []byte{'f'}))
	require.NoError(t, Release())
	require.True(t, isMapped(t, memory))
}

func TestReleaseKeepsWhatWasWritten(t *testing.T) {
	memory, content := mapped(t)
	for i := 0; i < len(memory); i += 7 * os.Getpagesize() {
		memory[i]++
		content[i]++
	}
	require.NoError(t, unix.Mprotect(memory, unix.PROT_READ))
	require.NoError(t, Release())
	require.True(t, bytes.Equal(content, memory))
}

func TestWhatIsUnmapped(t *testing.T) {
	const maps = `00400000-01cb1000 r-xp 00000000 08:01 42 /bin/fathom
01cb1000-039af000 r--p 018b1000 08:01 42 /bin/fathom
039af000-03d09000 rw-p 035af000 08:01 42 /bin/fathom
7f0000000000-7f0000801000 r--s 00001000 00:0f 7 anon_inode
7f0000900000-7f0000901000 r--p 00000000 08:01 43 /lib/other
7f0000a00000-7f0000a01000 r--p 00000000 08:02 42 /lib/of another device
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0 [vdso]
c000000000-c001000000 ---p 00000000 00:00 0

x
`
	require.Equal(t, []mapping{{0x400000, 0x1cb1000, "08:01", 42}, {0x1cb1000, 0x39af000, "08:01", 42}}, ownFile(maps, 0x500000))
	require.Empty(t, ownFile(maps, 0x100), "no file has this code")
	require.Empty(t, ownFile("", 0x500000))
}

func TestRuns(t *testing.T) {
	const file, none, own, swapped = pagePresent | pageOfFile, 0, pagePresent, pageSwapped
	for name, test := range map[string]struct {
		pages []uint64
		want  [][2]int
	}{
		"nothing is mapped":            {[]uint64{none, none}, nil},
		"all are the file's":           {[]uint64{file, file}, [][2]int{{0, 2}}},
		"none in between is no matter": {[]uint64{none, file, none, file, none}, [][2]int{{0, 5}}},
		"its own divide":               {[]uint64{file, own, file, swapped, file}, [][2]int{{0, 1}, {2, 3}, {4, 5}}},
		"its own at both ends":         {[]uint64{own, own, file, swapped}, [][2]int{{2, 3}}},
		"nothing between its own":      {[]uint64{own, none, own}, nil},
		"what is swapped, of a file":   {[]uint64{swapped | pageOfFile, file}, [][2]int{{1, 2}}},
		"no page":                      {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var entries []byte
			for _, page := range test.pages {
				entries = binary.NativeEndian.AppendUint64(entries, page)
			}
			var got [][2]int
			for first, last := range runs(entries) {
				got = append(got, [2]int{first, last})
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestAKeeperReleasesAfterEachReason(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	k, ended := NewKeeper(), make(chan struct{})
	go func() {
		defer close(ended)
		k.Run(ctx, func(err error) { t.Error(err) })
	}()
	memory, content := mapped(t)
	require.NoError(t, unix.Mprotect(memory, unix.PROT_READ))
	for range 2 { // the start is the first reason
		require.True(t, isMapped(t, memory))
		require.Eventually(t, func() bool { return !isMapped(t, memory) }, time.Minute, 10*time.Millisecond)
		require.True(t, bytes.Equal(content, memory))
		k.Reason()
	}
	cancel()
	<-ended
}

func BenchmarkRelease(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, Release())
	}
}
