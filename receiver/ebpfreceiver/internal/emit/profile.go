// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"crypto/rand"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pprofile"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
)

// Profiles collects profiles of processes. It is not safe for concurrent use.
type Profiles struct {
	scopeName, scopeVersion string
	profiles                pprofile.Profiles
	dictionary              *dictionary
}

// NewProfiles makes an empty collection.
func NewProfiles(scopeName, scopeVersion string) *Profiles {
	profiles := pprofile.NewProfiles()
	return &Profiles{scopeName, scopeVersion, profiles, newDictionary(profiles.Dictionary())}
}

// Profiles are those that were added.
func (b *Profiles) Profiles() pprofile.Profiles { return b.profiles }

// Add puts in a profile of a process: one of the protocol's for each type of value.
func (b *Profiles) Add(p *discover.Process, made *profile.Profile) {
	resource := b.profiles.ResourceProfiles().AppendEmpty()
	PutResource(resource.Resource().Attributes(), p)
	scope := resource.ScopeProfiles().AppendEmpty()
	scope.Scope().SetName(b.scopeName)
	scope.Scope().SetVersion(b.scopeVersion)

	mapping := b.dictionary.mapping(p.Executable, made.TextBegin, made.TextEnd)
	stacks := make([]int32, len(made.Stacks))
	for i, places := range made.Stacks {
		stacks[i] = b.dictionary.stack(places, mapping)
	}
	for i, t := range made.Types {
		one := scope.Profiles().AppendEmpty()
		b.describe(one, made, t)
		one.Samples().EnsureCapacity(len(made.Samples))
		for j := range made.Samples {
			s := &made.Samples[j]
			b.put(one.Samples().AppendEmpty(), &s.Owner, stacks[s.Stack], s.Values[i])
		}
	}
}

func (b *Profiles) describe(one pprofile.Profile, made *profile.Profile, t profile.ValueType) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	one.SetProfileID(id)
	one.SetTime(pcommon.NewTimestampFromTime(made.Start))
	one.SetDurationNano(uint64(made.End.Sub(made.Start)))
	one.SampleType().SetTypeStrindex(b.dictionary.text(t.Type))
	one.SampleType().SetUnitStrindex(b.dictionary.text(t.Unit))
	one.PeriodType().SetTypeStrindex(b.dictionary.text(made.PeriodType.Type))
	one.PeriodType().SetUnitStrindex(b.dictionary.text(made.PeriodType.Unit))
	one.SetPeriod(made.Period)
}

func (b *Profiles) put(sample pprofile.Sample, owner *profile.Owner, stack int32, value int64) {
	sample.SetStackIndex(stack)
	sample.Values().Append(value)
	sample.SetLinkIndex(b.dictionary.link(owner.TraceID, owner.SpanID))
	if owner.ThreadID != 0 {
		sample.AttributeIndices().Append(b.dictionary.attribute(attribute{key: events.ThreadID, number: int64(owner.ThreadID)}))
	}
	if owner.GoroutineID != 0 {
		sample.AttributeIndices().Append(b.dictionary.attribute(attribute{key: events.GoroutineID, number: int64(owner.GoroutineID)}))
	}
}
