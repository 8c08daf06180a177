// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pprofile"
)

// Profiles is the columns of the table of profiles, one row a sample.
type Profiles struct {
	block

	timestamp          nanoseconds
	profileID          text
	sampleType         *lowCardinality
	sampleUnit         *lowCardinality
	serviceName        *lowCardinality
	resourceAttributes *repeatedAttributes
	scopeName          repeatedText
	scopeVersion       repeatedText
	profileAttributes  *repeatedAttributes
	sampleAttributes   *attributes
	stackHash          uint64s
	frames             *frames
	values             *numberArray[proto.ColInt64, int64]
	timestamps         *numberArray[proto.ColUInt64, uint64]
	duration           uint64s
	period             int64s
	periodType         *lowCardinality
	periodUnit         *lowCardinality
	traceID            text
	spanID             text

	dictionary symbols
}

// NewProfiles makes an empty block.
func NewProfiles() *Profiles {
	p := &Profiles{
		sampleType:         newLowCardinality(),
		sampleUnit:         newLowCardinality(),
		serviceName:        newLowCardinality(),
		resourceAttributes: newRepeatedAttributes(),
		profileAttributes:  newRepeatedAttributes(),
		sampleAttributes:   newAttributes(),
		frames:             newFrames(),
		values:             newNumberArray[proto.ColInt64, int64](),
		timestamps:         newNumberArray[proto.ColUInt64, uint64](),
		periodType:         newLowCardinality(),
		periodUnit:         newLowCardinality(),
	}
	p.dictionary.corrected = &p.corrected
	p.columns = proto.Input{
		{Name: "Timestamp", Data: &p.timestamp},
		{Name: "ProfileId", Data: &p.profileID},
		{Name: "SampleType", Data: p.sampleType},
		{Name: "SampleUnit", Data: p.sampleUnit},
		{Name: "ServiceName", Data: p.serviceName},
		{Name: "ResourceAttributes", Data: p.resourceAttributes},
		{Name: "ScopeName", Data: &p.scopeName},
		{Name: "ScopeVersion", Data: &p.scopeVersion},
		{Name: "ProfileAttributes", Data: p.profileAttributes},
		{Name: "SampleAttributes", Data: p.sampleAttributes},
		{Name: "StackHash", Data: &p.stackHash},
	}
	p.columns = append(p.columns, p.frames.input()...)
	p.columns = append(p.columns, proto.Input{
		{Name: "Values", Data: p.values},
		{Name: "TimestampsUnixNano", Data: p.timestamps},
		{Name: "DurationNano", Data: &p.duration},
		{Name: "Period", Data: &p.period},
		{Name: "PeriodType", Data: p.periodType},
		{Name: "PeriodUnit", Data: p.periodUnit},
		{Name: "TraceId", Data: &p.traceID},
		{Name: "SpanId", Data: &p.spanID},
	}...)
	return p
}

// Reset empties the block and keeps its memory.
func (p *Profiles) Reset() {
	p.block.Reset()
	p.dictionary.ProfilesDictionary = pprofile.ProfilesDictionary{}
}

// Append adds a row for each sample. Indices that lead nowhere in the dictionary
// are as if they were not set, and counted.
func (p *Profiles) Append(profiles pprofile.Profiles) {
	p.dictionary.ProfilesDictionary = profiles.Dictionary()
	for _, resourceProfiles := range profiles.ResourceProfiles().All() {
		resource := resourceProfiles.Resource().Attributes()
		p.resourceAttributes.set(resource)
		service := serviceName(resource)
		for _, scopeProfiles := range resourceProfiles.ScopeProfiles().All() {
			p.scopeName.set(scopeProfiles.Scope().Name())
			p.scopeVersion.set(scopeProfiles.Scope().Version())
			for _, profile := range scopeProfiles.Profiles().All() {
				n := profile.Samples().Len()
				p.resourceAttributes.repeat(n)
				p.serviceName.repeat(service, n)
				p.scopeName.repeat(n)
				p.scopeVersion.repeat(n)
				p.appendProfile(profile, n)
			}
		}
	}
}

// appendProfile adds a profile of n samples.
func (p *Profiles) appendProfile(profile pprofile.Profile, n int) {
	if n == 0 {
		return
	}
	d := &p.dictionary
	p.sampleType.repeat(d.text(profile.SampleType().TypeStrindex()), n)
	p.sampleUnit.repeat(d.text(profile.SampleType().UnitStrindex()), n)
	p.periodType.repeat(d.text(profile.PeriodType().TypeStrindex()), n)
	p.periodUnit.repeat(d.text(profile.PeriodType().UnitStrindex()), n)
	p.profileAttributes.set(d.attributes(profile.AttributeIndices()))
	p.profileAttributes.repeat(n)
	p.duration.repeat(profile.DurationNano(), n)
	p.period.repeat(profile.Period(), n)
	id := profile.ProfileID()
	for _, sample := range profile.Samples().All() {
		p.timestamp.append(profile.Time(), &p.corrected)
		p.profileID.appendTraceID(pcommon.TraceID(id))
		p.appendSample(sample)
	}
}

func (p *Profiles) appendSample(sample pprofile.Sample) {
	p.sampleAttributes.append(p.dictionary.attributes(sample.AttributeIndices()))
	p.stackHash.append(p.frames.append(&p.dictionary, sample.StackIndex()))
	p.values.append(sample.Values().All())
	p.timestamps.append(sample.TimestampsUnixNano().All())
	traceID, spanID := p.dictionary.link(sample.LinkIndex())
	p.traceID.appendTraceID(traceID)
	p.spanID.appendSpanID(spanID)
}
