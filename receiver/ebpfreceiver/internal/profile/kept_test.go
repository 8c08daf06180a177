// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/google/pprof/profile"
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
	found := k.Between("a", time.Time{}, noon.Add(time.Hour))
	require.Len(t, found, 2, "those of the last 30 s")
	require.Equal(t, noon.Add(40*time.Second), found[0].Start)
	require.Len(t, k.Between("a", noon.Add(50*time.Second), noon.Add(55*time.Second)), 1)
	require.Empty(t, k.Between("a", noon.Add(60*time.Second), noon.Add(70*time.Second)), "that was of another")
	require.Equal(t, []string{"b", "a"}, k.Processes())
}

func TestKeptByMemory(t *testing.T) {
	k := NewKept[string](time.Hour, 2*at(0).size())
	require.Zero(t, k.Add("a", at(0)))
	require.Zero(t, k.Add("a", at(1)))
	require.Equal(t, 2, k.Add("a", at(2)), "two samples of the oldest")
	require.Len(t, k.Between("a", time.Time{}, noon.Add(time.Hour)), 2)
	require.Equal(t, 2, NewKept[string](time.Hour, 1).Add("a", at(0)), "one that is too large by itself")
}

// past has profiles of process 42.
type past struct{ kept *Kept[int] }

func (p past) Subjects() []Subject {
	return []Subject{{PID: 42, Service: "shop", Executable: "/opt/shop"}, {PID: 7, Service: "idle", Executable: "/bin/idle"}}
}
func (p past) Between(pid int, from, to time.Time) []*Profile { return p.kept.Between(pid, from, to) }

func TestHandler(t *testing.T) {
	kept := NewKept[int](time.Hour, 1<<20)
	for i := range 6 {
		kept.Add(42, at(i))
	}
	server := httptest.NewServer(Handler(past{kept}, func() time.Time { return noon.Add(time.Minute) }))
	defer server.Close()
	for name, test := range map[string]struct {
		query  string
		status int
		values int64 // in periods
	}{
		"all":                 {"pid=42", http.StatusOK, 6 * 4},
		"the last seconds":    {"pid=42&seconds=15", http.StatusOK, 2 * 4},
		"between":             {"pid=42&from=" + url.QueryEscape(noon.Add(20*time.Second).Format(time.RFC3339)) + "&to=2026-11-26T12:00:40Z", http.StatusOK, 2 * 4},
		"no process":          {"", http.StatusBadRequest, 0},
		"a time that is none": {"pid=42&from=yesterday", http.StatusBadRequest, 0},
		"no seconds":          {"pid=42&seconds=-1", http.StatusBadRequest, 0},
		"backwards":           {"pid=42&from=2026-11-26T13:00:00Z", http.StatusBadRequest, 0},
		"without samples":     {"pid=7", http.StatusNotFound, 0},
		"unknown":             {"pid=8", http.StatusNotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := server.Client().Get(server.URL + Path + "?" + test.query)
			require.NoError(t, err)
			defer response.Body.Close()
			require.Equal(t, test.status, response.StatusCode)
			if test.status != http.StatusOK {
				return
			}
			got, err := profile.Parse(response.Body)
			require.NoError(t, err)
			require.NoError(t, got.CheckValid())
			sum := int64(0)
			for _, s := range got.Sample {
				sum += s.Value[0]
			}
			require.Equal(t, test.values*1e7, sum)
		})
	}
}

func TestPprof(t *testing.T) {
	made := Pprof("/opt/shop", []*Profile{at(0), at(1)})
	require.NoError(t, made.CheckValid())
	require.Equal(t, noon.UnixNano(), made.TimeNanos)
	require.EqualValues(t, 20*time.Second, made.DurationNanos)
	require.Equal(t, "/opt/shop", made.Mapping[0].File)
	require.Len(t, made.Function, 2)
	first := made.Sample[0]
	require.Equal(t, []string{"ab000000000000000000000000000000"}, first.Label[LabelTraceID])
	require.Equal(t, []string{"cd00000000000000"}, first.Label[LabelSpanID])
	require.Equal(t, []int64{6}, first.NumLabel[LabelGoroutine])
	require.Equal(t, []int64{5}, first.NumLabel[LabelThread])
	require.Equal(t, "main.inner", first.Location[0].Line[0].Function.Name)
	require.Equal(t, "main.outer", first.Location[0].Line[1].Function.Name)
	require.Empty(t, made.Sample[1].Label)
	require.Nil(t, made.Sample[1].Location[0].Mapping, "not of the executable")
}
