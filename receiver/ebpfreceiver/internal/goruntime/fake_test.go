// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// fakeBinary is a binary whose variables lie at made-up addresses, their fields
// one after the other, with two size classes of 0 and 16 bytes.
type fakeBinary struct {
	version string
	symbols map[string]goexec.Symbol
	offsets map[goexec.Field]uint64
	sizes   map[string]uint64
	reasons map[uint8]string
}

const (
	fakeDelta       = "runtime.heapStatsDelta"
	fakeDeltaSize   = 120
	fakeFree        = 24 // of the free list in a P
	fakeCreated     = 32 // of the count of created goroutines in a P
	fakeStatus      = 40 // in a g
	fakeWaitReason  = 50
	fakeNext        = 16 // in an M
	fakeLockWait    = 48
	fakeVariableGap = 1 << 20
)

// The fields of the fake heapStatsDelta.
const (
	fakeCommitted       = 0
	fakeReleased        = 8
	fakeInHeap          = 16
	fakeInStacks        = 24
	fakeInWorkBufs      = 32
	fakePointerBits     = 40
	fakeLargeAlloc      = 48
	fakeLargeAllocCount = 56
	fakeSmallAllocCount = 64
	fakeLargeFree       = 80
	fakeLargeFreeCount  = 88
	fakeSmallFreeCount  = 104
)

var errAbsent = errors.New("absent")

func newFakeBinary(minor int) *fakeBinary {
	b := &fakeBinary{
		version: fmt.Sprintf("go1.%d.1", minor),
		symbols: map[string]goexec.Symbol{},
		offsets: map[goexec.Field]uint64{
			{Type: fakeDelta, Name: "committed"}:               fakeCommitted,
			{Type: fakeDelta, Name: "released"}:                fakeReleased,
			{Type: fakeDelta, Name: "inHeap"}:                  fakeInHeap,
			{Type: fakeDelta, Name: "inStacks"}:                fakeInStacks,
			{Type: fakeDelta, Name: "inWorkBufs"}:              fakeInWorkBufs,
			{Type: fakeDelta, Name: "inPtrScalarBits"}:         fakePointerBits,
			{Type: fakeDelta, Name: "largeAlloc"}:              fakeLargeAlloc,
			{Type: fakeDelta, Name: "largeAllocCount"}:         fakeLargeAllocCount,
			{Type: fakeDelta, Name: "smallAllocCount"}:         fakeSmallAllocCount,
			{Type: fakeDelta, Name: "largeFree"}:               fakeLargeFree,
			{Type: fakeDelta, Name: "largeFreeCount"}:          fakeLargeFreeCount,
			{Type: fakeDelta, Name: "smallFreeCount"}:          fakeSmallFreeCount,
			{Type: "runtime.p", Name: "gFree.size"}:            fakeFree,
			{Type: "runtime.p", Name: "gFree.n"}:               fakeFree,
			{Type: "runtime.p", Name: "goroutinesCreated"}:     fakeCreated,
			{Type: "runtime.g", Name: "atomicstatus"}:          fakeStatus,
			{Type: "runtime.g", Name: "waitreason"}:            fakeWaitReason,
			{Type: "runtime.m", Name: "alllink"}:               fakeNext,
			{Type: "runtime.m", Name: "mLockProfile.waitTime"}: fakeLockWait,
		},
		sizes:   map[string]uint64{fakeDelta: fakeDeltaSize, "runtime.timeHistogram": timeHistogramSize},
		reasons: map[uint8]string{14: "chan receive", 19: "sleep"},
	}
	for i, class := range cpuClasses() {
		for _, name := range []string{class.field, lowered(class.field)} {
			b.offsets[goexec.Field{Type: "runtime.cpuStats", Name: name}] = uint64(8 * i)
		}
	}
	for q := range quantity(numQuantities) {
		if from, ok := q.origin(minor); ok {
			b.add(q, from)
		}
	}
	return b
}

// add puts a quantity at the end of its variable.
func (b *fakeBinary) add(q quantity, from origin) {
	size := from.size
	switch q {
	case heapStats:
		size = 3 * fakeDeltaSize
	case classSizes:
		size = 4
	}
	symbol, ok := b.symbols[from.symbol]
	if !ok {
		symbol = goexec.Symbol{Name: from.symbol, Addr: uint64(len(b.symbols)+1) * fakeVariableGap}
	}
	if from.field != "" {
		b.offsets[goexec.Field{Type: from.typeName, Name: from.field}] = symbol.Size
	}
	symbol.Size += size
	b.symbols[from.symbol] = symbol
}

func (b *fakeBinary) GoVersion() string { return b.version }

func (b *fakeBinary) WaitReasons() (map[uint8]string, error) {
	if b.reasons == nil {
		return nil, fmt.Errorf("wait reasons: %w", errAbsent)
	}
	return b.reasons, nil
}

func (b *fakeBinary) Symbol(name string) (goexec.Symbol, error) {
	if s, ok := b.symbols[name]; ok {
		return s, nil
	}
	return goexec.Symbol{}, fmt.Errorf("symbol %s: %w", name, errAbsent)
}

func (b *fakeBinary) TypeSize(name string) (uint64, error) {
	if size, ok := b.sizes[name]; ok {
		return size, nil
	}
	return 0, fmt.Errorf("type %s: %w", name, errAbsent)
}

func (b *fakeBinary) Offsets(fields []goexec.Field) (map[goexec.Field]goexec.Offset, error) {
	found := map[goexec.Field]goexec.Offset{}
	for _, f := range fields {
		offset, ok := b.offsets[f]
		if !ok {
			return found, fmt.Errorf("field %v: %w", f, errAbsent)
		}
		found[f] = goexec.Offset{Bytes: offset, Source: goexec.SourceDWARF}
	}
	return found, nil
}

// address of a quantity, at link time.
func (b *fakeBinary) address(tb testing.TB, q quantity) uint64 {
	tb.Helper()
	minor, err := minorVersion(b.version)
	require.NoError(tb, err)
	from, ok := q.origin(minor)
	require.True(tb, ok)
	return b.symbols[from.symbol].Addr + b.offsets[goexec.Field{Type: from.typeName, Name: from.field}]
}

// fakeMemory holds bytes at addresses; what was not set is zero.
type fakeMemory struct {
	bytes map[uint64]byte
	// before is called, where set, with the number of the read to come.
	before func(read int)
	reads  int
	asked  int // bytes
}

func (m *fakeMemory) ReadRanges(ranges []procmem.Range) error {
	m.reads++
	if m.before != nil {
		m.before(m.reads)
	}
	for _, r := range ranges {
		for i := range r.Buffer {
			r.Buffer[i] = m.bytes[r.Address+uint64(i)]
		}
		m.asked += len(r.Buffer)
	}
	return nil
}

func (m *fakeMemory) put64(address, value uint64) {
	m.putBytes(address, binary.LittleEndian.AppendUint64(nil, value))
}

func (m *fakeMemory) put32(address uint64, value uint32) {
	m.putBytes(address, binary.LittleEndian.AppendUint32(nil, value))
}

func (m *fakeMemory) putBytes(address uint64, bytes []byte) {
	if m.bytes == nil {
		m.bytes = map[uint64]byte{}
	}
	for i, b := range bytes {
		m.bytes[address+uint64(i)] = b
	}
}
