// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

func stack(addresses ...uint64) []byte {
	var text []byte
	for _, addr := range addresses {
		text = binary.LittleEndian.AppendUint64(text, addr)
	}
	return text
}

func sample(goroutine uint64, addresses ...uint64) *record.Sample {
	s := &record.Sample{Header: record.Header{TID: 3, GoroutineID: goroutine}, Stack: stack(addresses...)}
	s.TraceID[0], s.SpanID[0] = 1, 2
	return s
}

// self is this very test's executable, and a function of it.
func self(t testing.TB, function string) (Target, goexec.Function) {
	t.Helper()
	binary, err := goexec.Open("/proc/self/exe")
	require.NoError(t, err)
	code, err := Resolve(binary)
	require.NoError(t, err)
	found, err := binary.Function(function)
	require.NoError(t, err)
	require.NoError(t, binary.Close())
	file, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return Target{Code: code, Executable: file, Bias: 1 << 40}, found
}

func TestSamplesOfOneKindAreOne(t *testing.T) {
	target, f := self(t, "testing.tRunner")
	start := time.Now()
	w := NewWindow(start)
	require.True(t, w.Empty())
	entry, after := target.Bias+f.Addr, target.Bias+f.Addr+1
	for range 3 {
		require.True(t, w.Add(sample(7, entry, after, 42), target))
	}
	require.True(t, w.Add(sample(8, entry, after, 42), target))
	require.True(t, w.Add(sample(7), target))
	p := w.Profile(target, start.Add(time.Second), 10*time.Millisecond)
	require.Equal(t, start, p.Start)
	require.Len(t, p.Stacks, 2)
	byOwner := map[uint64]int64{}
	for _, s := range p.Samples {
		require.Equal(t, Owner{ThreadID: 3, GoroutineID: s.GoroutineID, TraceID: [16]byte{1}, SpanID: [8]byte{2}}, s.Owner)
		if len(p.Stacks[s.Stack]) == 0 {
			require.Equal(t, []int64{int64(10 * time.Millisecond)}, s.Values, "a sample without a stack counts")
			continue
		}
		byOwner[s.GoroutineID] = s.Values[0]
		places := p.Stacks[s.Stack]
		require.Equal(t, "testing.tRunner", places[0].Calls[0].Function)
		require.Same(t, places[0], places[1], "a return address is after its call")
		require.Equal(t, &Place{Address: 41}, places[2], "what is not the executable's keeps its address")
	}
	require.Equal(t, map[uint64]int64{7: int64(30 * time.Millisecond), 8: int64(10 * time.Millisecond)}, byOwner)
}

// At its first instruction a function has no frame: the top of the stack tells
// its caller, and nothing else does.
func TestACallerWithoutAFrameBetween(t *testing.T) {
	target, f := self(t, "testing.tRunner")
	_, caller := self(t, "testing.(*T).Run")
	for offset, want := range map[uint64]int{0: 3, f.Size / 2: 2} {
		s := sample(7, target.Bias+f.Addr+offset, 42)
		s.Top = target.Bias + caller.Addr + 20
		w := NewWindow(time.Now())
		require.True(t, w.Add(s, target))
		places := w.Profile(target, time.Now(), time.Second).Stacks[0]
		require.Len(t, places, want, "%d bytes into the function", offset)
		if want == 3 {
			require.Equal(t, caller.Addr+19, places[1].Address)
		}
	}
}

func TestAWindowIsBounded(t *testing.T) {
	target, _ := self(t, "testing.tRunner")
	w := NewWindow(time.Now())
	for i := range uint64(maxDistinct) {
		require.True(t, w.Add(sample(i, 1), target))
	}
	require.False(t, w.Add(sample(maxDistinct, 1), target), "of another goroutine")
	require.False(t, w.Add(sample(1, 2), target), "of another stack")
	require.True(t, w.Add(sample(1, 1), target))
	require.Len(t, w.order, 1)
}

// What a sample costs the agent, decoded and added, at a depth that is usual.
func BenchmarkSample(b *testing.B) {
	const depth = 24
	target, f := self(b, "testing.tRunner")
	raw := make([]byte, 88+8*depth)
	binary.LittleEndian.PutUint32(raw, 16)
	binary.LittleEndian.PutUint32(raw[72:], depth)
	w := NewWindow(time.Now())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.LittleEndian.PutUint64(raw[88:], target.Bias+f.Addr+uint64(i%50)) // 50 stacks of one goroutine
		decoded, err := record.Decode(raw)
		if err != nil {
			b.Fatal(err)
		}
		w.Add(decoded.(*record.Sample), target)
	}
}

// What the end of a window costs: 1000 different samples of 100 stacks.
func BenchmarkProfile(b *testing.B) {
	target, f := self(b, "testing.tRunner")
	w := NewWindow(time.Now())
	for i := range uint64(1000) {
		addresses := make([]uint64, 24)
		for j := range addresses {
			addresses[j] = target.Bias + f.Addr + (i%100+uint64(j))%f.Size
		}
		w.Add(sample(i, addresses...), target)
	}
	b.ReportAllocs()
	for b.Loop() {
		w.Profile(target, time.Now(), time.Millisecond)
	}
}
