// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rowstest

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pprofile"
)

// Profiles is samples with everything set, of calls that were inlined, with nothing
// set, and with indices of every kind that lead nowhere.
func Profiles() pprofile.Profiles {
	profiles := pprofile.NewProfiles()
	putTables(profiles.Dictionary())
	resource := profiles.ResourceProfiles().AppendEmpty()
	putResource(resource.Resource())
	scope := resource.ScopeProfiles().AppendEmpty()
	putScope(scope.Scope())

	full := scope.Profiles().AppendEmpty()
	full.SetProfileID(pprofile.ProfileID(traceID))
	full.SetTime(at(0))
	full.SetDurationNano(1e9)
	full.SetPeriod(1e7)
	full.SampleType().SetTypeStrindex(1)
	full.SampleType().SetUnitStrindex(2)
	full.PeriodType().SetTypeStrindex(1)
	full.PeriodType().SetUnitStrindex(2)
	full.AttributeIndices().Append(2)
	sample := full.Samples().AppendEmpty()
	sample.SetStackIndex(1)
	sample.SetLinkIndex(1)
	sample.AttributeIndices().Append(1, 2)
	sample.Values().Append(3e7, math.MinInt64)
	sample.TimestampsUnixNano().Append(uint64(at(0)), math.MaxUint64)
	full.Samples().AppendEmpty()

	hostile := full.Samples().AppendEmpty()
	hostile.SetStackIndex(2)
	hostile.SetLinkIndex(-1)
	hostile.AttributeIndices().Append(-1, 99, 3)
	full.Samples().AppendEmpty().SetStackIndex(math.MinInt32)

	scope.Profiles().AppendEmpty() // without samples
	bare := profiles.ResourceProfiles().AppendEmpty().ScopeProfiles().AppendEmpty().Profiles().AppendEmpty()
	bare.SampleType().SetTypeStrindex(math.MaxInt32)
	bare.Samples().AppendEmpty()
	return profiles
}

// putTables fills the tables that profiles refer to, the first of each with its
// zero value, the last with indices that lead nowhere.
func putTables(tables pprofile.ProfilesDictionary) {
	tables.StringTable().Append("", "cpu", "nanoseconds", "main.inner", "/src/main.go", "main.outer", "/opt/shop", "thread.id", "a")
	tables.MappingTable().AppendEmpty()
	tables.MappingTable().AppendEmpty().SetFilenameStrindex(6)
	tables.MappingTable().AppendEmpty().SetFilenameStrindex(-7)
	tables.FunctionTable().AppendEmpty()
	for _, name := range []int32{3, 5, math.MinInt32} {
		function := tables.FunctionTable().AppendEmpty()
		function.SetNameStrindex(name)
		function.SetFilenameStrindex(4)
	}
	tables.LinkTable().AppendEmpty().SetSpanID(spanID) // of nobody: 0 is no link
	link := tables.LinkTable().AppendEmpty()
	link.SetTraceID(traceID)
	link.SetSpanID(spanID)
	for key, value := range []int64{0, 5, 6, 7} {
		attribute := tables.AttributeTable().AppendEmpty()
		attribute.SetKeyStrindex([]int32{0, 7, 8, -1}[key])
		attribute.Value().SetInt(value)
	}
	putStacks(tables)
}

func putStacks(tables pprofile.ProfilesDictionary) {
	locations := tables.LocationTable()
	locations.AppendEmpty()
	inlined := locations.AppendEmpty()
	inlined.SetAddress(0x1004)
	inlined.SetMappingIndex(1)
	for function, number := range []int64{0, 7, 20} {
		line := inlined.Lines().AppendEmpty()
		line.SetFunctionIndex(int32(function))
		line.SetLine(number)
	}
	kernel := locations.AppendEmpty()
	kernel.SetAddress(math.MaxUint64)
	hostile := locations.AppendEmpty()
	hostile.SetMappingIndex(-1)
	hostile.Lines().AppendEmpty().SetFunctionIndex(-1)
	hostile.Lines().AppendEmpty().SetFunctionIndex(3)
	hostile.Lines().AppendEmpty().SetLine(math.MaxInt64)
	locations.AppendEmpty().SetMappingIndex(2)

	tables.StackTable().AppendEmpty()
	tables.StackTable().AppendEmpty().LocationIndices().Append(1, 2, 0)
	tables.StackTable().AppendEmpty().LocationIndices().Append(-1, 99, 3, 4)
}
