// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func example() *Table {
	table := new(Table)
	add := func(version string, goid uint64) {
		origin := Origin{Module: Standard, Architecture: "amd64", Version: version}
		table.Add("runtime.g", origin, 400, map[string]Field{"goid": {Offset: goid}, "sched": {56, "runtime.gobuf"}})
		table.AddWaitReasons("amd64", version, []string{"", "GC assist marking", version[:6]})
	}
	add("go1.24.10", 160)
	add("go1.24.0", 160)
	add("go1.25.0", 160)
	add("go1.25.9", 152)
	add("go1.26", 152)
	table.Add("sdk.span", Origin{Module: "sdk", Companions: []string{"trace"}, Architecture: "amd64", Version: "v1.47.0"}, 8, nil)
	return table
}

func TestFind(t *testing.T) {
	g := example().Types["runtime.g"]
	require.Len(t, g.Layouts, 2, "versions with the same layout share an entry")
	assert.Equal(t, []string{"go1.24.0", "go1.24.10", "go1.25.0"}, g.Layouts[0].Versions["amd64"])
	tests := map[string]uint64{ // 0: not found
		"go1.24.0":            160,
		"go1.24.10":           160,
		"go1.24.5":            160, // the patches around it agree
		"go1.24.11":           0,   // newer than all that are known
		"go1.24":              160,
		"go1.25.0":            160,
		"go1.25.9":            152,
		"go1.25.5":            0, // they do not
		"go1.26":              152,
		"go1.26.0":            152,
		"go1.26.1":            0,
		"go1.27.0":            0,
		"go1.2":               0,
		"go1.26rc1":           0,
		"go1.26.1 X:nodwarf5": 0,
		"v1.24.0":             0,
		"":                    0,
	}
	for version, want := range tests {
		layout, ok := g.Find("amd64", version)
		assert.Equal(t, want != 0, ok, version)
		if ok {
			assert.Equal(t, want, layout.Fields["goid"].Offset, version)
		}
	}
	_, ok := g.Find("arm64", "go1.24.0")
	assert.False(t, ok, "another architecture")
}

func TestAddReplaces(t *testing.T) {
	table := example()
	origin := Origin{Module: Standard, Architecture: "amd64", Version: "go1.26"}
	table.Add("runtime.g", origin, 400, map[string]Field{"goid": {Offset: 8}})
	table.AddWaitReasons("amd64", "go1.26", []string{"", "other"})
	layout, ok := table.Types["runtime.g"].Find("amd64", "go1.26")
	require.True(t, ok)
	assert.EqualValues(t, 8, layout.Fields["goid"].Offset)
	assert.Len(t, table.Types["runtime.g"].Layouts, 3)
	reasons, ok := table.FindWaitReasons("amd64", "go1.26")
	require.True(t, ok)
	assert.Equal(t, "other", reasons.Texts[1])
	assert.Len(t, table.WaitReasons, 3, "the entry that only this version had is gone")
}

func TestFindWaitReasons(t *testing.T) {
	table := example()
	reasons, ok := table.FindWaitReasons("amd64", "go1.25.3")
	require.True(t, ok)
	assert.Equal(t, "go1.25", reasons.Texts[2])
	_, ok = table.FindWaitReasons("amd64", "go1.23.0")
	assert.False(t, ok)
}

func TestEncodeThenParse(t *testing.T) {
	table := example()
	data, err := table.Encode()
	require.NoError(t, err)
	again, err := Parse(data)
	require.NoError(t, err)
	assert.Equal(t, table, again)
	second, err := again.Encode()
	require.NoError(t, err)
	assert.Equal(t, string(data), string(second))
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "{", `{"types": 1}`, `{"types": {"a": {"layouts": [{"fields": {"x": -1}}]}}}`, `{"types": {"a": {"layouts": [{"fields": {"x": ["y", 1]}}]}}}`} {
		_, err := Parse([]byte(text))
		require.Error(t, err, text)
	}
}
