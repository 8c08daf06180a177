// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pprofile"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// stacks is profiles in which each field is set, and is not, with more functions
// than numbers of one byte can tell, and with indices beyond the tables where
// contrib's exporter stores such as if they were not set.
func stacks() pprofile.Profiles {
	profiles := pprofile.NewProfiles()
	tables := profiles.Dictionary()
	tables.StringTable().Append("", "cpu", "nanoseconds")
	tables.MappingTable().AppendEmpty()
	tables.FunctionTable().AppendEmpty()
	tables.LocationTable().AppendEmpty()
	tables.StackTable().AppendEmpty()
	tables.LinkTable().AppendEmpty().SetSpanID(pcommon.SpanID{9})
	tables.AttributeTable().AppendEmpty()
	text := func(s string) int32 {
		tables.StringTable().Append(s)
		return int32(tables.StringTable().Len() - 1)
	}
	for n := range int32(300) {
		function := tables.FunctionTable().AppendEmpty()
		function.SetNameStrindex(text(fmt.Sprint("function ", n)))
		function.SetFilenameStrindex(text(fmt.Sprint("file ", n%7)))
		location := tables.LocationTable().AppendEmpty()
		location.SetAddress(uint64(n))
		location.SetMappingIndex(n % 3)
		for line := range n % 4 {
			inlined := location.Lines().AppendEmpty()
			inlined.SetFunctionIndex(n + line) // the last of them is none
			inlined.SetLine(int64(n))
		}
		stack := tables.StackTable().AppendEmpty()
		for depth := range n % 20 {
			stack.LocationIndices().Append(n - depth + 5) // some of them are none
		}
		attribute := tables.AttributeTable().AppendEmpty()
		attribute.SetKeyStrindex(text(fmt.Sprint("key ", n)))
		attribute.Value().SetInt(int64(n))
		link := tables.LinkTable().AppendEmpty()
		link.SetTraceID(pcommon.TraceID{1, byte(n)})
		link.SetSpanID(pcommon.SpanID{2, byte(n % 2)})
	}
	tables.MappingTable().AppendEmpty().SetFilenameStrindex(text("/opt/shop"))
	for n := range 3 {
		resource := profiles.ResourceProfiles().AppendEmpty()
		fillResource(resource.Resource(), n)
		scope := resource.ScopeProfiles().AppendEmpty()
		fillScope(scope.Scope(), n)
		for i := range 3 {
			fillProfile(scope.Profiles().AppendEmpty(), n*i)
		}
		scope.Profiles().AppendEmpty() // without samples
	}
	return profiles
}

func fillProfile(profile pprofile.Profile, n int) {
	if n == 0 {
		profile.Samples().AppendEmpty()
		return
	}
	profile.SetProfileID(pprofile.ProfileID{1, byte(n)})
	profile.SetTime(at(n))
	profile.SetDurationNano(math.MaxUint64)
	profile.SetPeriod(math.MinInt64)
	profile.SampleType().SetTypeStrindex(1)
	profile.SampleType().SetUnitStrindex(2)
	profile.PeriodType().SetTypeStrindex(-1)
	profile.PeriodType().SetUnitStrindex(math.MaxInt32)
	profile.AttributeIndices().Append(3, 2, 3)
	for i := range int32(302) {
		sample := profile.Samples().AppendEmpty()
		sample.SetStackIndex(i)
		sample.SetLinkIndex(i)
		sample.AttributeIndices().Append(0, i%300)
		sample.Values().Append(int64(i), math.MinInt64)
		sample.TimestampsUnixNano().FromRaw(make([]uint64, i%3))
	}
	profile.Samples().At(0).SetStackIndex(-1)
	profile.Samples().At(1).SetLinkIndex(-1)
}

// profiles has indices of all kinds that lead nowhere, among others.
func (h hostile) profiles() pprofile.Profiles {
	profiles := stacks()
	tables := profiles.Dictionary()
	index := func() int32 { return []int32{-1, math.MinInt32, math.MaxInt32, 0, h.Int32(), h.Int32N(300)}[h.IntN(6)] }
	for _, location := range tables.LocationTable().All() {
		location.SetMappingIndex(index())
		line := location.Lines().AppendEmpty()
		line.SetFunctionIndex(index())
		line.SetLine(h.Int64() - h.Int64())
	}
	for _, stack := range tables.StackTable().All() {
		stack.LocationIndices().Append(index(), index())
	}
	for _, function := range tables.FunctionTable().All() {
		function.SetNameStrindex(index())
	}
	for _, attribute := range tables.AttributeTable().All() {
		attribute.SetKeyStrindex(index())
		h.value(attribute.Value(), 3)
	}
	for _, resource := range profiles.ResourceProfiles().All() {
		h.attributes(resource.Resource().Attributes())
		for _, profile := range resource.ScopeProfiles().At(0).Profiles().All() {
			profile.SetTime(h.time())
			profile.AttributeIndices().Append(index())
			for _, sample := range profile.Samples().All() {
				sample.SetStackIndex(index())
				sample.SetLinkIndex(index())
				sample.AttributeIndices().Append(index())
			}
		}
	}
	return profiles
}

// TestHostileIndices sends each exporter a profile with one index that leads
// nowhere, of a kind after the other: contrib's panics or fails, Fathom's stores it.
func TestHostileIndices(t *testing.T) {
	engine := enginetest.Start(t)
	db := open(t, engine)
	for _, side := range []string{contrib, fathom} {
		createTables(t, side, engine, side, nil)
	}
	for name, c := range map[string]struct {
		fill   func(pprofile.ProfilesDictionary, pprofile.Sample)
		panics bool
	}{
		"location": {func(d pprofile.ProfilesDictionary, _ pprofile.Sample) {
			d.StackTable().At(0).LocationIndices().Append(-1)
		}, true},
		"mapping": {func(d pprofile.ProfilesDictionary, _ pprofile.Sample) { d.LocationTable().At(0).SetMappingIndex(-1) }, true},
		"function": {func(d pprofile.ProfilesDictionary, _ pprofile.Sample) {
			d.LocationTable().At(0).Lines().At(0).SetFunctionIndex(-1)
		}, true},
		"attribute": {func(_ pprofile.ProfilesDictionary, s pprofile.Sample) { s.AttributeIndices().Append(7) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			profiles := pprofile.NewProfiles()
			tables := profiles.Dictionary()
			tables.LocationTable().AppendEmpty().Lines().AppendEmpty()
			tables.StackTable().AppendEmpty().LocationIndices().Append(0)
			sample := profiles.ResourceProfiles().AppendEmpty().ScopeProfiles().AppendEmpty().Profiles().AppendEmpty().
				Samples().AppendEmpty()
			c.fill(tables, sample)

			theirs := start(t, contrib, engine, map[string]any{"database": contrib})
			if send := func() { require.Error(t, theirs.profiles.ConsumeProfiles(t.Context(), profiles)) }; c.panics {
				assert.Panics(t, send)
			} else {
				send()
			}
			require.NoError(t, db.Exec(t.Context(), "TRUNCATE TABLE fathom.otel_profiles"))
			start(t, fathom, engine, map[string]any{"database": fathom}).mustSend(t, batch{profiles: []pprofile.Profiles{profiles}})
			var stored uint64
			require.NoError(t, db.QueryRow(t.Context(), "SELECT count() FROM fathom.otel_profiles").Scan(&stored))
			assert.EqualValues(t, 1, stored)
		})
	}
}
