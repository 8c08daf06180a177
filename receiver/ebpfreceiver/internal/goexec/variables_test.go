// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bytes"
	"debug/elf"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// searched are the variables that are found by their code, as far as the
// release has them.
func searched() []string {
	return append(slices.Sorted(maps.Keys(variableRules)), classesBefore125, classesSince125)
}

// sameVariables compares what the search finds with the symbol table.
func sameVariables(t *testing.T, b *Binary) {
	t.Helper()
	found := 0
	for _, name := range searched() {
		want, err := b.lookUp(name, elf.STT_OBJECT)
		if err != nil {
			assert.Contains(t, []string{classesBefore125, classesSince125}, name, "one name of the two")
			continue
		}
		got, err := b.searchVariable(name)
		require.NoError(t, err, name)
		assert.Equal(t, Symbol{Name: name, Addr: want.addr, Size: want.size}, got, name)
		found++
	}
	assert.Equal(t, len(variableRules)+1, found)
}

// The judge is the symbol table of the same binary.
func TestVariables(t *testing.T) {
	for _, variant := range []string{"normal", "pie"} {
		t.Run(variant, func(t *testing.T) { sameVariables(t, open(t, fixture(t, variant))) })
	}
}

// emptyProgram links as little as a program can.
const emptyProgram = `package main

func main() {}
`

// Every release whose runtime metrics are read.
func TestVariablesOfOtherReleases(t *testing.T) {
	for _, toolchain := range otherReleases() {
		t.Run(toolchain, func(t *testing.T) {
			b := open(t, buildProgram(t, t.TempDir(), toolchain, "whole", emptyProgram))
			sameVariables(t, b)
			sameDescriptors(t, b)
		})
	}
}

// Without a symbol table, Symbol finds the same.
func TestVariablesOfStrippedBinary(t *testing.T) {
	for whole, stripped := range map[string]string{"normal": "stripped", "pie": "pie-stripped"} {
		with, without := open(t, fixture(t, whole)), open(t, fixture(t, stripped))
		for _, name := range slices.Sorted(maps.Keys(variableRules)) {
			want, err := with.Symbol(name)
			require.NoError(t, err)
			got, err := without.Symbol(name)
			require.NoError(t, err, name)
			assert.Equal(t, want.Size, got.Size, name)
			assert.True(t, without.image.writable(got.Addr, got.Size), name)
		}
		classes, err := without.Symbol(classesSince125)
		require.NoError(t, err)
		table, err := without.image.read(classes.Addr, classes.Size)
		require.NoError(t, err)
		assert.True(t, areClasses(table))
	}
}

func TestVariablesThatAreNotFound(t *testing.T) {
	for _, name := range []string{"runtime.waitReasonStrings", "runtime.firstmoduledata", "main.main", ""} {
		_, err := open(t, fixture(t, "stripped")).Symbol(name)
		require.ErrorIs(t, err, ErrNoSymbol, name)
		require.ErrorIs(t, err, errUnknownVariable, name)
	}
	_, err := open(t, fixture(t, "arm64")).searchVariable("runtime.sched")
	require.ErrorIs(t, err, ErrUnsupported)
	b := open(t, fixture(t, "stripped"))
	b.version = "go1.99.0" // no struct has a known layout
	_, err = b.Symbol("runtime.sched")
	require.ErrorIs(t, err, ErrNoSymbol)
	require.ErrorIs(t, err, ErrNoOffset)
}

// A function that does not do what is claimed is believed no less than the
// others: the variable is not found.
func TestOneWitnessThatDisagreesIsEnough(t *testing.T) {
	b := open(t, fixture(t, "stripped"))
	rule := variableRules["runtime.gomaxprocs"]
	rule.anchors = append(slices.Clone(rule.anchors), anchor{"runtime.allgadd", does(uses32)})
	witnesses, err := b.witnesses(rule)
	require.NoError(t, err)
	require.Empty(t, locate(witnesses))
	rule.anchors = []anchor{{"runtime.allgadd", does(refers)}, {"runtime.nosuchfunction", does(refers)}}
	_, err = b.witnesses(rule)
	require.ErrorIs(t, err, ErrNoFunction, "one function alone proves nothing")
}

// Code without end is not read: it would cost gigabytes.
func TestTooMuchCodeIsNoWitness(t *testing.T) {
	p := newTinyProgram()
	p.text = append(p.text, bytes.Repeat([]byte{0x90}, maxWitness)...)
	b := openTiny(t, p)
	_, err := b.witness(variableRule{size: 8}, anchor{"main.f", does(refers)})
	require.ErrorIs(t, err, ErrUnsupported)
}

func TestLocate(t *testing.T) {
	lock, counts := access{}, access{sizes: []int{4, 8}}
	seen := map[uint64]access{0x1000: lock, 0x1010: counts, 0x2000: lock, 0x3008: {sizes: []int{8}, exchanged: true}, 0x4000: {exchanged: true}}
	tests := map[string]struct {
		witnesses []witness
		want      []uint64
	}{
		"none":                   {nil, nil},
		"nothing claimed":        {[]witness{{nil, seen}}, nil},
		"second claims nothing":  {[]witness{{[]claim{{0, refers}}, seen}, {nil, seen}}, nil},
		"a distance":             {[]witness{{[]claim{{0, refers}, {16, refers}}, seen}}, []uint64{0x1000}},
		"first field not at 0":   {[]witness{{[]claim{{16, refers}, {0, refers}}, seen}}, []uint64{0x1000}},
		"four bytes":             {[]witness{{[]claim{{0, uses32}}, seen}}, []uint64{0x1010}},
		"eight bytes":            {[]witness{{[]claim{{0, uses64}}, seen}}, []uint64{0x1010, 0x3008}},
		"exchanged":              {[]witness{{[]claim{{0, exchanges}}, seen}}, []uint64{0x3008, 0x4000}},
		"nothing but exchanged":  {[]witness{{[]claim{{0, onlyExchanges}}, seen}}, []uint64{0x4000}},
		"both":                   {[]witness{{[]claim{{0, exchanges}, {0, uses64}}, seen}}, []uint64{0x3008}},
		"two agree":              {[]witness{{[]claim{{0, refers}}, seen}, {[]claim{{0, refers}}, map[uint64]access{0x2000: lock}}}, []uint64{0x2000}},
		"two do not":             {[]witness{{[]claim{{0, refers}}, seen}, {[]claim{{0, refers}}, map[uint64]access{0x9000: lock}}}, nil},
		"before the first place": {[]witness{{[]claim{{1 << 63, refers}, {0, refers}}, seen}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, locate(test.witnesses)) })
	}
}
