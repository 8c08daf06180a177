// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

func TestGatherSeesThisMachine(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	missing := filepath.Join(t.TempDir(), "not", "there", "yet")

	facts, err := Gather(missing)
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if got := facts.Listeners[port]; got.PID != os.Getpid() {
		t.Errorf("listener of port %d is %+v, want this process, %d", port, got, os.Getpid())
	}
	if facts.Free[missing] == 0 {
		t.Error("no free space is seen for a directory that does not exist yet")
	}
	if facts.Memory == 0 {
		t.Error("no available memory is seen")
	}
	if _, _, ok := kernelVersion(facts.KernelRelease); !ok {
		t.Errorf("the kernel's release is %q", facts.KernelRelease)
	}
}

func TestEffectiveCapabilities(t *testing.T) {
	got, err := effectiveCapabilities("Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n")
	if err != nil || got != 1<<41-1 {
		t.Errorf("capabilities are %x, %v", got, err)
	}
	for _, status := range []string{"", "CapPrm:\t0\n", "CapEff:\tnone\n"} {
		if _, err := effectiveCapabilities(status); err == nil {
			t.Errorf("effectiveCapabilities(%q) gives no error", status)
		}
	}
}

func TestAvailableMemory(t *testing.T) {
	got, err := availableMemory("MemTotal:       24 kB\nMemAvailable:       12 kB\n")
	if err != nil || got != 12<<10 {
		t.Errorf("available memory is %d, %v", got, err)
	}
	for _, text := range []string{"", "MemTotal: 1 kB\n", "MemAvailable: much kB\n"} {
		if _, err := availableMemory(text); err == nil {
			t.Errorf("availableMemory(%q) gives no error", text)
		}
	}
}

func TestListeningInodes(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1001 1 0 100 0 0 10 0
   1: 00000000:10DD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1002 1 0 100 0 0 10 0
   2: 0202A8C0:10DE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1003 1 0 100 0 0 10 0
   3: 0100007F:22B8 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 1004 1 0 100 0 0 10 0
   4: 00000000000000000000000000000000:22B8 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 1005 1
   5: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 1006 1
   6: 0100007F:XYZ 00000000:0000 0A 0:0 00:0 0 0 0 1007 1
   7: truncated
`
	want := map[string]int{"1001": 9000, "1002": 4317, "1005": 8888, "1006": 8080}
	if diff := cmp.Diff(want, listeningInodes(table)); diff != "" {
		t.Errorf("listening inodes (-want +got):\n%s", diff)
	}
}

// TestCachedLibrary takes for cached only what the engine loads: neither
// another version nor a file that was cut off.
func TestCachedLibrary(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(chdblibrary.CacheVariable, cache)
	release, err := chdblibrary.Current()
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := chdblibrary.DefaultPath()
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(cache, "libchdb", "4.0.2", chdblibrary.FileName)
	for _, step := range []struct {
		name, path string
		size       int64
		want       string
	}{
		{"another version", other, release.LibrarySize, ""},
		{"a part", pinned, 4096, ""},
		{"the pinned one", pinned, release.LibrarySize, pinned},
	} {
		putSparse(t, step.path, step.size)
		if got, err := cachedLibrary(); got != step.want || err != nil {
			t.Errorf("%s: cachedLibrary() = %q, %v, want %q", step.name, got, err, step.want)
		}
	}
}

// putSparse makes a file of a size, without content.
func putSparse(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}
