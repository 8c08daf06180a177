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
}

const (
	fakeDelta       = "runtime.heapStatsDelta"
	fakeDeltaSize   = 72
	fakeFree        = 24 // of the free list in a P
	fakeVariableGap = 1 << 20
)

var errAbsent = errors.New("absent")

func newFakeBinary(minor int) *fakeBinary {
	b := &fakeBinary{
		version: fmt.Sprintf("go1.%d.1", minor),
		symbols: map[string]goexec.Symbol{},
		offsets: map[goexec.Field]uint64{
			{Type: fakeDelta, Name: "committed"}:       0,
			{Type: fakeDelta, Name: "released"}:        8,
			{Type: fakeDelta, Name: "inStacks"}:        16,
			{Type: fakeDelta, Name: "largeAlloc"}:      24,
			{Type: fakeDelta, Name: "largeAllocCount"}: 32,
			{Type: fakeDelta, Name: "smallAllocCount"}: 40,
			{Type: fakeDelta, Name: "largeFree"}:       56,
			{Type: "runtime.p", Name: "gFree.size"}:    fakeFree,
			{Type: "runtime.p", Name: "gFree.n"}:       fakeFree,
		},
		sizes: map[string]uint64{fakeDelta: fakeDeltaSize, "runtime.timeHistogram": timeHistogramSize},
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
