// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReferences(t *testing.T) {
	const addr = 0x400000
	const lea = "488d1500010000" // lea rdx, [rip+0x100]: 0x400107
	tests := map[string]struct {
		code string
		want []reference
	}{
		"nothing":                {"90", nil},
		"an address":             {lea, []reference{{target: 0x400107}}},
		"four bytes read":        {"8b0d00010000", []reference{{target: 0x400106, size: 4}}},
		"backwards":              {"488b05f9ffffff", []reference{{target: addr, size: 8}}},
		"compared with a number": {"833d0001000005", []reference{{target: 0x400107, size: 4}}},
		"a byte written":         {"880d00010000", []reference{{target: 0x400106, size: 1}}},
		"on the stack":           {"488b442408", nil},
		"exchanged":              {lea + "48870a", []reference{{target: 0x400107}, {target: 0x400107, size: 8, exchanged: true}}},
		"exchanged, four bytes":  {lea + "870a", []reference{{target: 0x400107}, {target: 0x400107, size: 4, exchanged: true}}},
		"exchanged directly":     {"48870d00010000", []reference{{target: 0x400107, size: 8, exchanged: true}}},
		"held meanwhile":         {lea + "4889c1 48870a", []reference{{target: 0x400107}, {target: 0x400107, size: 8, exchanged: true}}},
		"with a displacement":    {lea + "48874a08", []reference{{target: 0x400107}}},
		"overwritten":            {lea + "4889c2 48870a", []reference{{target: 0x400107}}},
		"overwritten in part":    {lea + "b201 48870a", []reference{{target: 0x400107}}},
		"moved on":               {lea + "4883c208 48870a", []reference{{target: 0x400107}}},
		"exchanged itself":       {lea + "4887ca 48870a", []reference{{target: 0x400107}}},
		"after a call":           {lea + "e800000000 48870a", []reference{{target: 0x400107}}},
		"after a branch":         {lea + "7500 48870a", []reference{{target: 0x400107}}},
		"after the unknown":      {lea + "0fa2 48870a", []reference{{target: 0x400107}}}, // cpuid writes rdx
		"after a vector":         {lea + "c5f877 48870a", []reference{{target: 0x400107}}},
		"not decodable":          {lea + "06" + lea, []reference{{target: 0x400107}}},
		"cut":                    {lea + "488d15", []reference{{target: 0x400107}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, referencesAMD64(machineCode(t, test.code), addr))
		})
	}
}

func FuzzReferences(f *testing.F) {
	f.Add(machineCode(f, "488d1500010000 48870a 8b0d00010000 833d0001000005 c3"), uint64(0x400000))
	f.Add([]byte{0x48, 0x87}, ^uint64(0))
	f.Fuzz(func(t *testing.T, code []byte, addr uint64) {
		found := referencesAMD64(code, addr)
		require.LessOrEqual(t, len(found), len(code))
		w := witness{claims: []claim{{addr, refers}, {8, uses64}}, seen: accessesOf(found)}
		require.LessOrEqual(t, len(locate([]witness{w, w})), len(found))
	})
}

// classes is a table of size classes.
func classes() []byte {
	table := bytes.Clone(firstClasses)
	for i := len(firstClasses) / 2; i < numClasses-1; i++ {
		table = binary.LittleEndian.AppendUint16(table, uint16(128+16*i))
	}
	return binary.LittleEndian.AppendUint16(table, largestClass)
}

func TestFindClasses(t *testing.T) {
	table := classes()
	require.True(t, areClasses(table))
	junk := func(n int) string { return strings.Repeat("x", n) }
	prefix := string(firstClasses)
	for _, before := range []string{"", junk(2), junk(1001), prefix, junk(windowSize - 70), junk(windowSize - 1), junk(3*windowSize + 5), junk(windowSize-50) + prefix} {
		at, ok, err := findClasses(strings.NewReader(before + string(table) + junk(10)))
		require.NoError(t, err)
		require.True(t, ok, len(before))
		assert.EqualValues(t, len(before), at)
	}
	for name, change := range map[string]func(table []byte) []byte{
		"cut":           func(table []byte) []byte { return table[:len(table)-1] },
		"shrinking":     func(table []byte) []byte { table[len(firstClasses)+1] = 0; return table },
		"odd":           func(table []byte) []byte { table[len(firstClasses)]++; return table },
		"another first": func(table []byte) []byte { table[2] = 16; return table },
		"another last":  func(table []byte) []byte { table[len(table)-1]--; return table },
		"nothing":       func([]byte) []byte { return nil },
	} {
		_, ok, err := findClasses(bytes.NewReader(change(classes())))
		require.NoError(t, err)
		assert.False(t, ok, name)
	}
}

func FuzzClasses(f *testing.F) {
	f.Add(classes())
	f.Fuzz(func(t *testing.T, data []byte) {
		at, ok, err := findClasses(bytes.NewReader(data))
		require.NoError(t, err)
		if ok {
			require.True(t, areClasses(data[at:]))
		}
	})
}
