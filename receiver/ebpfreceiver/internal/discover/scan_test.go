// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

func TestScanStartAndStop(t *testing.T) {
	tree := newFakeTree(t)
	cart := goProgram(t, "cart")
	assert.Empty(t, tree.scan())
	tree.put(10, fakeProcess{executable: cart})
	tree.put(11, fakeProcess{executable: "/bin/true"})
	assert.Equal(t, []string{"started 10 cart"}, tree.scan())
	assert.Empty(t, tree.scan())
	tree.remove(10)
	tree.remove(11)
	assert.Equal(t, []string{"stopped 10 cart"}, tree.scan())
	assert.Empty(t, tree.scan())
	assert.Equal(t, map[Outcome]uint64{Watched: 1, Unselected: 1}, tree.counts())
	assert.Empty(t, tree.scanner.known)
}

func TestScanDescribesTheProcess(t *testing.T) {
	const id = "dc579f8a8319c8cf7d38e1adf263bc08d230600179e9d1f4a3d1a3b4c5d6e7f8"
	cart := goProgram(t, "cart")
	target := Target{Executable: cart, SampleRate: 100}
	tree := newFakeTree(t, Target{PID: 99}, target)
	var got *Process
	tree.scanner.emit = func(e Event) { got = e.Process }
	tree.put(10, fakeProcess{
		executable: cart, start: 250,
		cgroup:  "0::/docker/" + id + "\n",
		environ: "OTEL_RESOURCE_ATTRIBUTES=service.name=basket,team=a\x00",
	})
	tree.scan()
	require.NotZero(t, got.image)
	assert.Equal(t, &Process{
		image: got.image,
		PID:   10, StartTime: tree.scanner.examiner.boot.Add(2500 * time.Millisecond), StartTicks: 250,
		Executable: cart, ExecutableName: "cart", GoVersion: runtime.Version(),
		TargetIndex: 1, Target: target, ServiceName: "basket",
		ResourceAttributes: map[string]string{"service.name": "basket", "team": "a"},
		ContainerID:        id, CgroupPath: "/docker/" + id,
	}, got)
}

func TestScanServiceName(t *testing.T) {
	const both = "OTEL_SERVICE_NAME=env\x00OTEL_RESOURCE_ATTRIBUTES=service.name=attribute\x00"
	tests := map[string]struct {
		target  Target
		environ string
		want    string
	}{
		"target":     {Target{ServiceName: "target"}, both, "target"},
		"variable":   {Target{}, both, "env"},
		"attribute":  {Target{}, "OTEL_SERVICE_NAME=\x00OTEL_RESOURCE_ATTRIBUTES=service.name=attribute\x00", "attribute"},
		"executable": {Target{}, "", "cart"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tree := newFakeTree(t, test.target)
			tree.put(10, fakeProcess{executable: goProgram(t, "cart"), environ: test.environ})
			assert.Equal(t, []string{"started 10 " + test.want}, tree.scan())
		})
	}
}

func TestScanPIDReuse(t *testing.T) {
	tree := newFakeTree(t)
	cart, pay := goProgram(t, "cart"), goProgram(t, "pay")
	tree.put(10, fakeProcess{executable: cart, start: 1})
	tree.put(11, fakeProcess{executable: "/bin/true", start: 1})
	tree.scan()
	tree.put(10, fakeProcess{executable: cart, start: 2}) // the same executable
	tree.put(11, fakeProcess{executable: pay, start: 2})
	assert.ElementsMatch(t, []string{"stopped 10 cart", "started 10 cart", "started 11 pay"}, tree.scan())
	tree.put(10, fakeProcess{executable: "/bin/true", start: 3})
	assert.Equal(t, []string{"stopped 10 cart"}, tree.scan())
}

func TestScanNewInodeOfTheSameProcess(t *testing.T) {
	tree := newFakeTree(t)
	p := fakeProcess{executable: goProgram(t, "cart"), start: 1, stack: 5}
	tree.put(10, p)
	tree.scan()
	tree.put(10, p)
	assert.Empty(t, tree.scan(), "the kernel may drop and make an inode anew")
	assert.Equal(t, map[Outcome]uint64{Watched: 1}, tree.counts())
}

func TestScanExec(t *testing.T) {
	cart, pay := goProgram(t, "cart"), copyProgram(t, "pay")
	tree := newFakeTree(t)
	tree.put(10, fakeProcess{executable: "/bin/sh", start: 1, stack: 1})
	assert.Empty(t, tree.scan())
	tree.update(10, fakeProcess{executable: cart, start: 1, stack: 2})
	assert.Equal(t, []string{"started 10 cart"}, tree.scan())
	tree.update(10, fakeProcess{executable: cart, start: 1, stack: 3})
	assert.Equal(t, []string{"stopped 10 cart", "started 10 cart"}, tree.scan(), "of itself")
	tree.update(10, fakeProcess{executable: pay, start: 1, stack: 3})
	assert.Equal(t, []string{"stopped 10 cart", "started 10 pay"}, tree.scan(), "with no randomized stack")
	tree.update(10, fakeProcess{executable: "/bin/sh", start: 1, stack: 4})
	assert.Equal(t, []string{"stopped 10 pay"}, tree.scan())
}

func TestScanExecOfAnOldProcess(t *testing.T) {
	tree := newFakeTree(t)
	tree.put(10, fakeProcess{executable: "/bin/sh"})
	tree.scan()
	tree.clock = tree.clock.Add(youngFor)
	tree.update(10, fakeProcess{executable: goProgram(t, "cart")})
	var events []string
	for range rotation {
		events = append(events, tree.scan()...)
	}
	assert.Equal(t, []string{"started 10 cart"}, events)
}

func TestScanRenamedExecutableIsNoExec(t *testing.T) {
	tree := newFakeTree(t)
	before := copyProgram(t, "cart")
	tree.put(10, fakeProcess{executable: before})
	assert.Equal(t, []string{"started 10 cart"}, tree.scan())
	after := filepath.Join(filepath.Dir(before), "moved")
	require.NoError(t, os.Rename(before, after))
	tree.update(10, fakeProcess{executable: after})
	assert.Empty(t, tree.scan())
}

func TestScanZombie(t *testing.T) {
	tree := newFakeTree(t)
	cart := goProgram(t, "cart")
	tree.put(10, fakeProcess{executable: cart})
	tree.put(11, fakeProcess{executable: cart, state: 'Z'})
	assert.Equal(t, []string{"started 10 cart"}, tree.scan())
	tree.update(10, fakeProcess{executable: cart, state: 'Z'})
	assert.Equal(t, []string{"stopped 10 cart"}, tree.scan())
	assert.Empty(t, tree.scan())
	tree.remove(10)
	assert.Empty(t, tree.scan())
	assert.Equal(t, map[Outcome]uint64{Watched: 1, Vanished: 1}, tree.counts())
}

func TestScanNotGo(t *testing.T) {
	tree := newFakeTree(t, Target{Executable: "/bin/*"})
	for pid := range 5 {
		tree.put(10+pid, fakeProcess{executable: "/bin/true"})
	}
	tree.put(20, fakeProcess{executable: "/bin/false"})
	tree.put(21, fakeProcess{executable: goProgram(t, "cart")})
	assert.Empty(t, tree.scan())
	assert.Equal(t, map[Outcome]uint64{NotGo: 6, Unselected: 1}, tree.counts())
	require.Len(t, tree.logs.All(), 2, "one line an executable")
	for _, entry := range tree.logs.All() {
		assert.Contains(t, entry.Message, "not a Go program")
		assert.Contains(t, []any{"/bin/true", "/bin/false"}, entry.ContextMap()["executable"])
	}
}

func TestScanNotGoWithoutExplicitTarget(t *testing.T) {
	tree := newFakeTree(t, Target{ServiceName: "all"})
	tree.put(10, fakeProcess{executable: "/bin/true"})
	assert.Empty(t, tree.scan())
	assert.Equal(t, map[Outcome]uint64{Unselected: 1}, tree.counts())
	assert.Empty(t, tree.logs.All())
}

func TestScanDamagedExecutables(t *testing.T) {
	elf, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	tree := newFakeTree(t, Target{Executable: "/**"})
	dir := t.TempDir()
	for i, length := range []int{0, 3, 16, 64, 1000, 70000} {
		path := filepath.Join(dir, "cut"+string(rune('a'+i)))
		require.NoError(t, os.WriteFile(path, elf[:length], 0o755))
		tree.put(10+i, fakeProcess{executable: path})
	}
	tree.put(20, fakeProcess{executable: dir})
	tree.put(21, fakeProcess{executable: filepath.Join(dir, "absent")})
	assert.Empty(t, tree.scan())
	assert.Equal(t, map[Outcome]uint64{NotGo: 6, Unreadable: 1, Vanished: 1}, tree.counts())
}

func TestScanKernelThread(t *testing.T) {
	tree := newFakeTree(t)
	tree.put(2, fakeProcess{flags: flagKernelThread | 0x40})
	assert.Empty(t, tree.scan())
	assert.Equal(t, map[Outcome]uint64{KernelThread: 1}, tree.counts())
}

func TestScanMalformedProcess(t *testing.T) {
	tree := newFakeTree(t)
	tree.put(10, fakeProcess{})
	require.NoError(t, os.WriteFile(filepath.Join(tree.path(10), "stat"), []byte("nonsense"), 0o644))
	tree.put(11, fakeProcess{})
	require.NoError(t, os.Remove(filepath.Join(tree.path(11), "environ")))
	assert.Empty(t, tree.scan())
	assert.Equal(t, map[Outcome]uint64{Unreadable: 1, Vanished: 1}, tree.counts())
	tree.put(12, fakeProcess{})
	tree.update(10, fakeProcess{executable: goProgram(t, "cart")})
	require.NoError(t, os.WriteFile(filepath.Join(tree.path(11), "environ"), nil, 0o644))
	assert.Contains(t, tree.scan(), "started 10 cart", "both are asked again")
	assert.Equal(t, map[Outcome]uint64{Unreadable: 1, Vanished: 1, Watched: 3}, tree.counts())
}

func TestScanWithoutCgroups(t *testing.T) {
	tree := newFakeTree(t)
	tree.put(10, fakeProcess{executable: goProgram(t, "cart")})
	require.NoError(t, os.Remove(filepath.Join(tree.path(10), "cgroup")))
	assert.Equal(t, []string{"started 10 cart"}, tree.scan())
}

func TestScanFailsWithoutTheTree(t *testing.T) {
	_, err := openProcfs("/nowhere/proc")
	require.ErrorContains(t, err, "/nowhere/proc")
}

func TestBinariesAreBounded(t *testing.T) {
	known := binaries{}
	for i := range uint64(maxBinaries) {
		known[fileKey{inode: i}] = image{}
	}
	_, err := known.inspect(os.Args[0])
	require.NoError(t, err)
	assert.Len(t, known, 1)
}

// What debug/buildinfo does not survive must not end the collector: every
// process's executable is inspected.
func TestInspectSurvivesAPanic(t *testing.T) {
	found := inspectFile(hostile{})
	require.ErrorIs(t, found.notGo, goexec.ErrTruncated)
	assert.Empty(t, found.goVersion)
}

// hostile stands for a file that leads its reader astray.
type hostile struct{}

func (hostile) ReadAt([]byte, int64) (int, error) { panic("index out of range") }

// FuzzInspect damages a real executable's beginning, where its headers are.
func FuzzInspect(f *testing.F) {
	program, err := os.Open(os.Args[0])
	require.NoError(f, err)
	f.Cleanup(func() { assert.NoError(f, program.Close()) })
	head := make([]byte, 4096)
	_, err = io.ReadFull(program, head)
	require.NoError(f, err)
	f.Add(head)
	f.Add([]byte("\x7fELF"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, head []byte) {
		found := inspectFile(damaged{head: head, rest: program})
		require.NotEqual(t, found.notGo == nil, found.goVersion == "")
	})
}

// damaged is a file with another beginning.
type damaged struct {
	head []byte
	rest io.ReaderAt
}

func (d damaged) ReadAt(buffer []byte, offset int64) (int, error) {
	n, err := d.rest.ReadAt(buffer, offset)
	if offset >= 0 && offset < int64(len(d.head)) {
		copy(buffer[:n], d.head[offset:])
	}
	return n, err
}

// copyProgram makes a file of its own that is a Go program.
func copyProgram(tb testing.TB, name string) string {
	tb.Helper()
	content, err := os.ReadFile(os.Args[0])
	require.NoError(tb, err)
	path := filepath.Join(tb.TempDir(), name)
	require.NoError(tb, os.WriteFile(path, content, 0o755))
	return path
}

func BenchmarkScan2000(b *testing.B) {
	for name, age := range map[string]time.Duration{"young": 0, "old": time.Hour} {
		b.Run(name, func(b *testing.B) {
			tree := newFakeTree(b, Target{Executable: "/opt/shop/*"})
			for pid := range 2000 {
				tree.put(1000+pid, fakeProcess{executable: "/bin/true"})
			}
			tree.scan()
			tree.clock = tree.clock.Add(age)
			b.ReportAllocs()
			for b.Loop() {
				tree.scan()
			}
		})
	}
}

func BenchmarkExamine(b *testing.B) {
	tree := newFakeTree(b)
	tree.put(1, fakeProcess{})
	tree.put(2, fakeProcess{executable: "/bin/true"})
	for name, pid := range map[string]int{"watched": 1, "unselected": 2} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tree.scanner.examiner.examine(pid)
			}
		})
	}
}
