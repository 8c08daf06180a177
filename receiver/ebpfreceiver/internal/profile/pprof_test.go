// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPprof(t *testing.T) {
	given := []*Profile{at(0), at(1)}
	made := Pprof("/opt/shop", given)
	require.NoError(t, made.CheckValid())
	require.Equal(t, noon.UnixNano(), made.TimeNanos)
	require.EqualValues(t, 20*time.Second, made.DurationNanos)
	require.Equal(t, "/opt/shop", made.Mapping[0].File)
	require.Len(t, made.Function, 2)
	require.Len(t, made.Sample, 3, "the place that is not Go's is the same in both")
	first := made.Sample[0]
	require.Equal(t, []string{"ab000000000000000000000000000000"}, first.Label[LabelTraceID])
	require.Equal(t, []string{"cd00000000000000"}, first.Label[LabelSpanID])
	require.Equal(t, []int64{6}, first.NumLabel[LabelGoroutine])
	require.Equal(t, []int64{5}, first.NumLabel[LabelThread])
	require.Equal(t, "main.inner", first.Location[0].Line[0].Function.Name)
	require.Equal(t, "main.outer", first.Location[0].Line[1].Function.Name)
	require.Empty(t, made.Sample[1].Label)
	require.Equal(t, []int64{2e7}, made.Sample[1].Value)
	require.Equal(t, at(0), given[0], "what is kept does not change")
	require.Nil(t, made.Sample[1].Location[0].Mapping, "not of the executable")
}

// The places of Go are the executable's, and so are the same in all its profiles.
func TestPprofOfOneStackAndOwnerIsOneSample(t *testing.T) {
	first, second := at(0), at(1)
	second.Stacks[0] = first.Stacks[0]
	second.Samples[1].Owner = Owner{}
	made := Pprof("/opt/shop", []*Profile{first, second})
	require.NoError(t, made.CheckValid())
	require.Len(t, made.Sample, 3)
	require.Equal(t, []int64{6e7}, made.Sample[0].Value)
	require.Equal(t, []int64{1e7}, made.Sample[1].Value, "of a thread")
	require.Equal(t, []int64{1e7}, made.Sample[2].Value, "of nobody")
	require.Nil(t, made.Sample[2].Label)
	require.Nil(t, made.Sample[2].NumLabel)
}

// What an answer costs, of which each sample has its own stack and labels.
func BenchmarkPprof(b *testing.B) {
	const rows, depth = 10_000, 24
	p := at(0)
	places := p.Stacks[0][:1]
	p.Stacks, p.Samples = nil, nil
	for i := range rows {
		stack := make([]*Place, depth)
		for j := range stack {
			stack[j] = places[0]
		}
		stack[0] = &Place{Address: uint64(i)}
		p.Stacks = append(p.Stacks, stack)
		owner := Owner{ThreadID: 1, GoroutineID: uint64(i), TraceID: [16]byte{1}, SpanID: [8]byte{byte(i)}}
		p.Samples = append(p.Samples, Sample{Stack: i, Owner: owner, Values: []int64{1e7}})
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Pprof("/opt/shop", []*Profile{p}).Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(p.size())/rows, "kept-B/row")
}
