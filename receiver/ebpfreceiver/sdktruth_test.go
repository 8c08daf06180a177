// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
)

// sdkTruth is what internal/targettest/testdata/sdkspans says of a span, in words.
type sdkTruth struct {
	Trace, ID, Parent, State, Name, Kind, Status, Message string
	Flags                                                 uint32
	Start, End                                            int64
	Attributes, ScopeAttributes, Resource                 []string
	Events, Links                                         []string
	DroppedAttributes, DroppedEvents, DroppedLinks        int
	Scope, ScopeURL, ResourceURL                          string
}

// sdkSeen is a span of an SDK as the receiver tells it.
type sdkSeen struct {
	seenSpan
	scope                 pcommon.InstrumentationScope
	scopeURL, resourceURL string
}

// sdkSpans are the spans of SDKs, whose scope is not the receiver's.
func (h *harness) sdkSpans() []sdkSeen {
	var seen []sdkSeen
	for _, traces := range h.traces.AllTraces() {
		for _, resource := range traces.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				if scope.Scope().Name() == metadata.ScopeName {
					continue
				}
				for _, span := range scope.Spans().All() {
					seen = append(seen, sdkSeen{
						seenSpan{span, resource.Resource().Attributes()}, scope.Scope(), scope.SchemaUrl(), resource.SchemaUrl(),
					})
				}
			}
		}
	}
	return seen
}

// truth says of the span what the target would.
func (s sdkSeen) truth() sdkTruth {
	truth := sdkTruth{
		Trace: s.TraceID().String(), ID: s.SpanID().String(), Parent: s.ParentSpanID().String(),
		State: s.TraceState().AsRaw(), Name: s.Name(), Kind: strings.ToLower(s.Kind().String()),
		Status: s.Status().Code().String(), Message: s.Status().Message(), Flags: s.Flags(),
		Start: int64(s.StartTimestamp()), End: int64(s.EndTimestamp()),
		Attributes:        wordsOf(s.Attributes(), func(name string) bool { return !strings.HasPrefix(name, "fathom.") }),
		ScopeAttributes:   wordsOf(s.scope.Attributes(), always),
		Resource:          wordsOf(s.resource, func(name string) bool { return !strings.HasPrefix(name, "process.") }),
		DroppedAttributes: int(s.DroppedAttributesCount()), DroppedEvents: int(s.DroppedEventsCount()), DroppedLinks: int(s.DroppedLinksCount()),
		Scope: s.scope.Name() + "@" + s.scope.Version(), ScopeURL: s.scopeURL, ResourceURL: s.resourceURL,
	}
	slices.Sort(truth.Resource)
	if truth.Kind == "unspecified" {
		truth.Kind = "internal"
	}
	for _, e := range s.Events().All() {
		truth.Events = append(truth.Events, fmt.Sprintf("%s at %d dropped %d: %v", e.Name(), e.Timestamp(), e.DroppedAttributesCount(), wordsOf(e.Attributes(), always)))
	}
	for _, l := range s.Links().All() {
		truth.Links = append(truth.Links, fmt.Sprintf("%s/%s %q flags %d dropped %d: %v", l.TraceID(), l.SpanID(),
			l.TraceState().AsRaw(), l.Flags(), l.DroppedAttributesCount(), wordsOf(l.Attributes(), always)))
	}
	return truth
}

func always(string) bool { return true }

func wordsOf(attributes pcommon.Map, wanted func(name string) bool) []string {
	var words []string
	for name, value := range attributes.All() {
		if wanted(name) {
			words = append(words, strconv.Quote(name)+"="+wordOf(value))
		}
	}
	return words
}

func wordOf(v pcommon.Value) string {
	switch v.Type() {
	case pcommon.ValueTypeBool:
		return strconv.FormatBool(v.Bool())
	case pcommon.ValueTypeInt:
		return strconv.FormatInt(v.Int(), 10)
	case pcommon.ValueTypeDouble:
		return "float " + strconv.FormatUint(math.Float64bits(v.Double()), 16)
	case pcommon.ValueTypeStr:
		return strconv.Quote(v.Str())
	case pcommon.ValueTypeBytes:
		return "bytes " + hex.EncodeToString(v.Bytes().AsRaw())
	case pcommon.ValueTypeMap:
		return "{" + strings.Join(wordsOf(v.Map(), always), " ") + "}"
	case pcommon.ValueTypeSlice:
		var words []string
		for _, element := range v.Slice().All() {
			words = append(words, wordOf(element))
		}
		return "[" + strings.Join(words, " ") + "]"
	default:
		return "empty"
	}
}
