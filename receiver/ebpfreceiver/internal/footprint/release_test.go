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

// mapped is a file of 256 pages, mapped privately, that was read.
func mapped(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mapped")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte{'f'}, 256*os.Getpagesize()), 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	memory, err := unix.Mmap(int(file.Fd()), 0, 256*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	t.Cleanup(func() { require.NoError(t, unix.Munmap(memory)) })
	require.Equal(t, len(memory), bytes.Count(memory, []byte{'f'}))
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

func TestReleaseUnmapsPagesOfFiles(t *testing.T) {
	memory := mapped(t)
	require.NoError(t, unix.Mprotect(memory, unix.PROT_READ))
	before := resident(t)
	require.NoError(t, Release())
	after := resident(t)
	t.Logf("files: %d KiB before, %d KiB after", before, after)
	require.Less(t, after, before-200*os.Getpagesize()/1024)
	require.Equal(t, len(memory), bytes.Count(memory, []byte{'f'}), "they are there again when they are read")
}

func TestReleaseKeepsWhatWasWritten(t *testing.T) {
	memory := mapped(t)
	page := os.Getpagesize()
	for i := 0; i < len(memory); i += 7 * page {
		memory[i] = 'w'
	}
	require.NoError(t, unix.Mprotect(memory, unix.PROT_READ))
	require.NoError(t, Release())
	for i := 0; i < len(memory); i += page {
		want := byte('f')
		if i%(7*page) == 0 {
			want = 'w'
		}
		require.Equal(t, want, memory[i], "page %d", i/page)
	}
}

func TestWhatIsUnmapped(t *testing.T) {
	for line, want := range map[string]bool{
		"00400000-01cb1000 r-xp 00000000 08:01 42 /bin/fathom\n":       true,
		"01cb1000-039af000 r--p 018b1000 08:01 42 /bin/fathom\n":       true,
		"039af000-03d09000 rw-p 035af000 08:01 42 /bin/fathom\n":       false,
		"7f0000000000-7f0000801000 r--s 00001000 00:0f 7 anon_inode\n": false,
		"7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0 [vdso]\n":     false,
		"c000000000-c001000000 ---p 00000000 00:00 0 \n":               false,
		"": false, "x": false,
	} {
		_, _, ok := parse(line)
		require.Equal(t, want, ok, line)
	}
	begin, end, _ := parse("00400000-01cb1000 r-xp 00000000 08:01 42 /bin/fathom\n")
	require.EqualValues(t, 0x400000, begin)
	require.EqualValues(t, 0x1cb1000, end)
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
	memory := mapped(t)
	require.NoError(t, unix.Mprotect(memory, unix.PROT_READ))
	for range 2 { // the start is the first reason
		require.True(t, isMapped(t, memory))
		require.Eventually(t, func() bool { return !isMapped(t, memory) }, time.Minute, 10*time.Millisecond)
		require.Equal(t, len(memory), bytes.Count(memory, []byte{'f'}))
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
