// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// at is a profile of ten seconds, so many of them after noon.
func at(tens int) *Profile {
	inlined := goexec.Call{Function: "main.inner", File: "/src/main.go", Line: 7}
	outer := goexec.Call{Function: "main.outer", File: "/src/main.go", Line: 20}
	shared := &Place{Address: 0x1000, Calls: []goexec.Call{inlined, outer}}
	start := noon.Add(time.Duration(tens) * 10 * time.Second)
	return &Profile{
		Start: start, End: start.Add(10 * time.Second),
		Types: []ValueType{CPUTime}, Period: 1e7, PeriodType: CPUTime, TextBegin: 0x1000, TextEnd: 0x2000,
		Stacks: [][]*Place{{shared, {Address: 0x1010, Calls: []goexec.Call{outer}}}, {{Address: 0xffff}}},
		Samples: []Sample{
			{Stack: 0, Owner: Owner{ThreadID: 5, GoroutineID: 6, TraceID: [16]byte{0xab}, SpanID: [8]byte{0xcd}}, Values: []int64{3e7}},
			{Stack: 1, Owner: Owner{ThreadID: 5}, Values: []int64{1e7}},
		},
	}
}

func TestKeptByAge(t *testing.T) {
	k := NewKept[string](30*time.Second, 1<<20)
	for i := range 6 {
		require.Zero(t, k.Add("a", at(i)), "age is no loss")
	}
	require.Zero(t, k.Add("b", at(6)))
	end := at(6).End
	found := k.Between("a", time.Time{}, noon.Add(time.Hour), end)
	require.Len(t, found, 2, "those of the last 30 s")
	require.Equal(t, noon.Add(40*time.Second), found[0].Start)
	require.Len(t, k.Between("a", noon.Add(50*time.Second), noon.Add(55*time.Second), end), 1)
	require.Empty(t, k.Between("a", noon.Add(60*time.Second), noon.Add(70*time.Second), end), "that was of another")
	require.Equal(t, []string{"b", "a"}, k.Processes(end))

	later := end.Add(25 * time.Second) // and nothing was added
	require.Equal(t, []string{"b"}, k.Processes(later))
	require.Empty(t, k.Between("a", time.Time{}, noon.Add(time.Hour), later))
	require.Empty(t, k.Processes(later.Add(time.Minute)))
	require.Zero(t, k.used)
}

func TestKeptByMemory(t *testing.T) {
	k := NewKept[string](time.Hour, 2*at(0).size())
	require.Zero(t, k.Add("a", at(0)))
	require.Zero(t, k.Add("a", at(1)))
	require.Equal(t, 4, k.Add("a", at(2)), "the samples of the oldest, three of which are told as one")
	require.Len(t, k.Between("a", time.Time{}, noon.Add(time.Hour), at(2).End), 2)
	require.Equal(t, 4, NewKept[string](time.Hour, 1).Add("a", at(0)), "one that is too large by itself")
}
