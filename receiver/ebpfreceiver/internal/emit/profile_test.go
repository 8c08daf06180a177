// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pprofile"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
)

func cpuProfile(start time.Time) *profile.Profile {
	outer := goexec.Call{Function: "main.outer", File: "/src/main.go", Line: 20}
	owner := profile.Owner{ThreadID: 5, GoroutineID: 6, TraceID: [16]byte{1}, SpanID: [8]byte{2}}
	return &profile.Profile{
		Start: start, End: start.Add(time.Second), Types: []profile.ValueType{profile.CPUTime},
		Period: 1e7, PeriodType: profile.CPUTime, TextBegin: 0x1000, TextEnd: 0x2000,
		Stacks: [][]*profile.Place{
			{{Address: 0x1004, Calls: []goexec.Call{{Function: "main.inner", File: "/src/main.go", Line: 7}, outer}}},
			{{Address: 0xff}},
			{},
		},
		Samples: []profile.Sample{
			{Stack: 0, Owner: owner, Values: []int64{3e7}},
			{Stack: 1, Owner: owner, Values: []int64{1e7}},
			{Stack: 2, Values: []int64{2e7}},
		},
	}
}

func TestProfilesRefer(t *testing.T) {
	start := time.Unix(1000, 0)
	batch := NewProfiles("scope", "1")
	for pid := range 2 {
		batch.Add(&discover.Process{PID: pid, ServiceName: "shop", Executable: "/opt/shop"}, cpuProfile(start))
	}
	got := batch.Profiles()
	require.Equal(t, 2, got.ProfileCount())
	tables := got.Dictionary()
	text := func(at int32) string { return tables.StringTable().At(int(at)) }
	require.Empty(t, text(0))
	require.True(t, tables.LinkTable().At(0).TraceID().IsEmpty())
	require.Zero(t, tables.StackTable().At(0).LocationIndices().Len())
	require.Equal(t, 2, tables.LinkTable().Len(), "one link, of all samples")
	require.Equal(t, 2, tables.MappingTable().Len(), "of one executable")
	require.Equal(t, 3, tables.FunctionTable().Len())
	require.Equal(t, 5, tables.AttributeTable().Len(), "thread, goroutine and two kinds of frames")

	one := got.ResourceProfiles().At(1).ScopeProfiles().At(0).Profiles().At(0)
	require.Equal(t, "cpu", text(one.SampleType().TypeStrindex()))
	require.Equal(t, "nanoseconds", text(one.SampleType().UnitStrindex()))
	require.EqualValues(t, 1e7, one.Period())
	require.Equal(t, start.UTC(), one.Time().AsTime())
	require.EqualValues(t, time.Second, one.DurationNano())

	first := one.Samples().At(0)
	require.Equal(t, []int64{3e7}, first.Values().AsRaw())
	link := tables.LinkTable().At(int(first.LinkIndex()))
	require.EqualValues(t, [16]byte{1}, link.TraceID())
	require.EqualValues(t, [8]byte{2}, link.SpanID())
	attributes := map[string]any{}
	for _, at := range first.AttributeIndices().All() {
		a := tables.AttributeTable().At(int(at))
		attributes[text(a.KeyStrindex())] = a.Value().AsRaw()
	}
	require.Equal(t, map[string]any{events.ThreadID: int64(5), events.GoroutineID: int64(6)}, attributes)
	location := tables.LocationTable().At(int(tables.StackTable().At(int(first.StackIndex())).LocationIndices().At(0)))
	require.EqualValues(t, 0x1004, location.Address())
	require.Equal(t, 2, location.Lines().Len())
	require.Equal(t, "main.inner", text(tables.FunctionTable().At(int(location.Lines().At(0).FunctionIndex())).NameStrindex()))
	require.Equal(t, "/opt/shop", text(tables.MappingTable().At(int(location.MappingIndex())).FilenameStrindex()))
	require.Zero(t, one.Samples().At(2).StackIndex(), "without a stack")
	require.Zero(t, one.Samples().At(2).LinkIndex())

	raw, err := (&pprofile.ProtoMarshaler{}).MarshalProfiles(got)
	require.NoError(t, err)
	back, err := (&pprofile.ProtoUnmarshaler{}).UnmarshalProfiles(raw)
	require.NoError(t, err)
	require.Equal(t, got.SampleCount(), back.SampleCount())
}
