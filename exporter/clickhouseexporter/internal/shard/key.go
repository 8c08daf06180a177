// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// TraceID is the key by which a trace, with its log records, lies on one shard.
const TraceID = "trace_id"

// Splitter splits data.
type Splitter struct {
	// shards is how many there are.
	shards int
	// attribute is looked for in a row, then in its resource. Rows without it, and
	// all where it is empty, go by their trace.
	attribute string
}

// NewSplitter makes a splitter by TraceID, or by the name of an attribute.
func NewSplitter(key string, shards int) Splitter {
	if key == TraceID {
		key = ""
	}
	return Splitter{shards: shards, attribute: key}
}

// Of is the shard that a hash belongs to among so many: the one with the highest
// weight (rendezvous hashing, Thaler and Ravishankar 1998). Of n+1 shards instead
// of n, the new one takes its part from each of the others, which exchange none.
func Of(hash uint64, shards int) int {
	best, highest := 0, uint64(0)
	for n := range shards {
		if weight := mix(hash ^ mix(uint64(n)+1)); n == 0 || weight > highest {
			best, highest = n, weight
		}
	}
	return best
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// byAttribute is the hash of the attribute's value, if the row or its resource has
// it. Values that print alike are alike.
func (s Splitter) byAttribute(row, resource pcommon.Map) (uint64, bool) {
	if s.attribute == "" {
		return 0, false
	}
	value, found := row.Get(s.attribute)
	if !found {
		value, found = resource.Get(s.attribute)
	}
	if !found {
		return 0, false
	}
	return text(value), true
}

func text(value pcommon.Value) uint64 {
	if value.Type() == pcommon.ValueTypeStr {
		return xxhash.Sum64String(value.Str())
	}
	return xxhash.Sum64String(value.AsString())
}

// byTrace is the hash of a trace ID, or of a time and what is beside it where there
// is no trace: rows without one are spread as well.
func byTrace(id pcommon.TraceID, at pcommon.Timestamp, beside uint64) uint64 {
	if !id.IsEmpty() {
		return xxhash.Sum64(id[:])
	}
	return mix(beside ^ mix(uint64(at)))
}

func ofSpanID(id pcommon.SpanID) uint64 { return binary.LittleEndian.Uint64(id[:]) }
