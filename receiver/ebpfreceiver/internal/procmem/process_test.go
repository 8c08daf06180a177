// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package procmem

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const childEnvironment = "FATHOM_PROCMEM_CHILD"

// TestMain turns the test binary into the child that is read, when asked.
func TestMain(m *testing.M) {
	if os.Getenv(childEnvironment) != "" {
		serveMemory()
		return
	}
	os.Exit(m.Run())
}

// memory is what the child holds at addresses that it prints.
type memory struct {
	Wide  uint64
	Text  string
	Bytes [3 << 20]byte
}

// serveMemory fills a memory, prints the addresses of its fields and waits for
// the end of its input.
func serveMemory() {
	m := &memory{Wide: 0x0123456789abcdef, Text: "fathom, read from outside"}
	for i := range m.Bytes {
		m.Bytes[i] = byte(i * 7 >> 3)
	}
	fmt.Println(address(&m.Wide), address(&m.Text), address(&m.Bytes))
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	fmt.Fprintln(os.Stderr, m.Wide) // keeps m alive
}

func address[T any](v *T) uint64 { return uint64(uintptr(unsafe.Pointer(v))) }

// child is a running process that serves a memory.
type child struct {
	process           *Process
	wide, text, bytes uint64
	stop              func()
}

func startChild(tb testing.TB) child {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	// One built with the race detector would else sleep for a second before it exits.
	cmd.Env = append(os.Environ(), childEnvironment+"=1", "GORACE=atexit_sleep_ms=0")
	stdin, err := cmd.StdinPipe()
	require.NoError(tb, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, cmd.Start())
	var c child
	stopped := false
	c.stop = func() {
		if !stopped {
			stopped = true
			assert.NoError(tb, stdin.Close())
			assert.NoError(tb, cmd.Wait())
		}
	}
	tb.Cleanup(c.stop)
	_, err = fmt.Fscan(stdout, &c.wide, &c.text, &c.bytes)
	require.NoError(tb, err)
	c.process, err = Open(cmd.Process.Pid)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, c.process.Close()) })
	return c
}

// word reads eight bytes.
func (c child) word(address uint64) (uint64, error) {
	var b [8]byte
	err := c.process.ReadAt(address, b[:])
	return binary.LittleEndian.Uint64(b[:]), err
}

func TestValuesOfAChild(t *testing.T) {
	c := startChild(t)
	wide, err := c.word(c.wide)
	require.NoError(t, err)
	assert.Equal(t, uint64(0x0123456789abcdef), wide)
	data, err := c.word(c.text)
	require.NoError(t, err)
	length, err := c.word(c.text + 8)
	require.NoError(t, err)
	require.Equal(t, uint64(len("fathom, read from outside")), length)
	text := make([]byte, length)
	require.NoError(t, c.process.ReadAt(data, text))
	assert.Equal(t, "fathom, read from outside", string(text))
}

func TestReadAtAnySize(t *testing.T) {
	c := startChild(t)
	for _, size := range []int{0, 1, 7, 4096, 4097, 3 << 20} {
		buffer := make([]byte, size)
		require.NoError(t, c.process.ReadAt(c.bytes, buffer), "size %d", size)
		for i, b := range buffer {
			if b != byte(i*7>>3) {
				t.Fatalf("size %d: byte %d is %d", size, i, b)
			}
		}
	}
}

func TestReadRanges(t *testing.T) {
	c := startChild(t)
	for _, count := range []int{0, 1, chunk - 1, chunk, chunk + 1, 10*chunk + 3} {
		ranges := make([]Range, count)
		for i := range ranges {
			ranges[i] = Range{Address: c.bytes + uint64(i*977), Buffer: make([]byte, i%17)}
		}
		require.NoError(t, c.process.ReadRanges(ranges), "count %d", count)
		for i, r := range ranges {
			for k, b := range r.Buffer {
				if b != byte((i*977+k)*7>>3) {
					t.Fatalf("byte %d of range %d of %d is %d", k, i, count, b)
				}
			}
		}
	}
}

func TestHostileAddresses(t *testing.T) {
	c := startChild(t)
	hostile := map[string]uint64{
		"nil":               0,
		"first page":        0xfff,
		"not canonical":     1 << 47,
		"kernel":            0xffff888000000000,
		"last bytes":        math.MaxUint64 - 7,
		"end of the space":  math.MaxUint64,
		"vsyscall":          0xffffffffff600000 + 4096,
		"last user page":    0x7ffffffff000 - 4,
		"wraps around zero": math.MaxUint64 - 3,
	}
	for name, addr := range hostile {
		t.Run(name, func(t *testing.T) {
			_, err := c.word(addr)
			require.ErrorIs(t, err, ErrFault)
			assert.ErrorContains(t, err, fmt.Sprintf("%#x", addr))
		})
	}
}

func TestReadRangesNamesTheBadOne(t *testing.T) {
	c := startChild(t)
	for _, bad := range []int{0, 1, chunk - 1, chunk, chunk + 5} {
		ranges := make([]Range, chunk+10)
		for i := range ranges {
			ranges[i] = Range{Address: c.bytes, Buffer: make([]byte, 8)}
		}
		ranges[bad].Address = 0xdead0000
		err := c.process.ReadRanges(ranges)
		require.ErrorIs(t, err, ErrFault)
		assert.ErrorContains(t, err, "0xdead0000", "bad range %d", bad)
	}
}

func TestReadAcrossTheEndOfAMapping(t *testing.T) {
	c := startChild(t)
	end := endOfMapping(t, c.process.pid, c.bytes)
	buffer := make([]byte, 32)
	require.NoError(t, c.process.ReadAt(end-32, buffer))
	require.ErrorIs(t, c.process.ReadAt(end-16, buffer), ErrFault)
}

// endOfMapping returns the first address after addr's mapping at which nothing
// is mapped.
func endOfMapping(t *testing.T, pid int, addr uint64) uint64 {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	require.NoError(t, err)
	end := uint64(0)
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var rights string
		_, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights)
		require.NoError(t, err)
		switch {
		case from <= addr && addr < to, from == end && rights[0] == 'r' && end != 0:
			end = to
		}
	}
	require.NotZero(t, end)
	return end
}

func TestGone(t *testing.T) {
	c := startChild(t)
	c.stop()
	_, err := c.word(c.wide)
	require.ErrorIs(t, err, ErrGone)
	_, err = Open(c.process.pid)
	require.ErrorIs(t, err, ErrGone)
}

func TestGoneWhileAZombie(t *testing.T) {
	cmd := exec.Command("/bin/true")
	require.NoError(t, cmd.Start())
	defer func() { assert.NoError(t, cmd.Wait()) }()
	require.Eventually(t, func() bool {
		p, err := Open(cmd.Process.Pid)
		if err == nil {
			assert.NoError(t, p.Close())
		}
		return err != nil && assert.ErrorIs(t, err, ErrGone)
	}, 10*time.Second, 5*time.Millisecond)
}

func TestOpenOfNoProcess(t *testing.T) {
	for _, pid := range []int{-1, 0, 1 << 30} {
		_, err := Open(pid)
		require.Error(t, err, "pid %d", pid)
		assert.ErrorContains(t, err, fmt.Sprint(pid))
	}
}

func BenchmarkReadWord(b *testing.B) {
	c := startChild(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.word(c.wide); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadRanges1000x8(b *testing.B) {
	c := startChild(b)
	ranges := make([]Range, 1000)
	for i := range ranges {
		ranges[i] = Range{Address: c.bytes + uint64(i*2048), Buffer: make([]byte, 8)}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.process.ReadRanges(ranges); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadAt4KiB(b *testing.B) {
	c := startChild(b)
	buffer := make([]byte, 4096)
	b.SetBytes(4096)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.process.ReadAt(c.bytes, buffer); err != nil {
			b.Fatal(err)
		}
	}
}
