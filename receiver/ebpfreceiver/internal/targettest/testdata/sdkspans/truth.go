// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Span is what the SDK says of one, in words that do not depend on its types:
// those of package sdktruth.
type Span struct {
	Trace, ID, Parent, State, Name, Kind, Status, Message string
	Flags                                                 uint32
	Start, End                                            int64
	Attributes, ScopeAttributes, Resource                 []string
	Events, Links                                         []string
	DroppedAttributes, DroppedEvents, DroppedLinks        int
	Scope, ScopeURL, ResourceURL                          string
}

func spanOf(s sdk.ReadOnlySpan) Span {
	scope := s.InstrumentationScope()
	truth := Span{
		Trace: s.SpanContext().TraceID().String(), ID: s.SpanContext().SpanID().String(),
		State: s.SpanContext().TraceState().String(), Name: s.Name(), Kind: s.SpanKind().String(),
		Status: s.Status().Code.String(), Message: s.Status().Description,
		Flags: uint32(s.SpanContext().TraceFlags()) | remote(s.Parent()),
		Start: s.StartTime().UnixNano(), End: s.EndTime().UnixNano(),
		Attributes: keyValues(s.Attributes()), Resource: keyValues(s.Resource().Attributes()),
		DroppedAttributes: s.DroppedAttributes(), DroppedEvents: s.DroppedEvents(), DroppedLinks: s.DroppedLinks(),
		Scope: scope.Name + "@" + scope.Version, ScopeURL: scope.SchemaURL, ResourceURL: s.Resource().SchemaURL(),
		ScopeAttributes: scopeAttributes(scope),
	}
	if s.Parent().SpanID().IsValid() {
		truth.Parent = s.Parent().SpanID().String()
	}
	if s.Status().Code != codes.Error {
		truth.Message = ""
	}
	for _, e := range s.Events() {
		truth.Events = append(truth.Events, fmt.Sprintf("%s at %d dropped %d: %v", e.Name, e.Time.UnixNano(), e.DroppedAttributeCount, keyValues(e.Attributes)))
	}
	for _, l := range s.Links() {
		truth.Links = append(truth.Links, fmt.Sprintf("%s/%s %q flags %d dropped %d: %v", l.SpanContext.TraceID(), l.SpanContext.SpanID(),
			l.SpanContext.TraceState().String(), uint32(l.SpanContext.TraceFlags())|remote(l.SpanContext), l.DroppedAttributeCount, keyValues(l.Attributes)))
	}
	return truth
}

func remote(c trace.SpanContext) uint32 {
	if c.IsRemote() {
		return 0x300
	}
	return 0x100
}

func keyValues(attributes []attribute.KeyValue) []string {
	var words []string
	for _, a := range attributes {
		words = append(words, strconv.Quote(string(a.Key))+"="+word(a.Value))
	}
	return words
}

// complexWord is of types that older SDKs do not have.
var complexWord func(v attribute.Value) string

func word(v attribute.Value) string {
	switch v.Type() {
	case attribute.BOOL:
		return boolWord(v.AsBool())
	case attribute.INT64:
		return intWord(v.AsInt64())
	case attribute.FLOAT64:
		return floatWord(v.AsFloat64())
	case attribute.STRING:
		return strconv.Quote(v.AsString())
	case attribute.BOOLSLICE:
		return list(v.AsBoolSlice(), boolWord)
	case attribute.INT64SLICE:
		return list(v.AsInt64Slice(), intWord)
	case attribute.FLOAT64SLICE:
		return list(v.AsFloat64Slice(), floatWord)
	case attribute.STRINGSLICE:
		return list(v.AsStringSlice(), strconv.Quote)
	}
	if complexWord != nil {
		return complexWord(v)
	}
	return "unknown"
}

func boolWord(v bool) string     { return strconv.FormatBool(v) }
func intWord(v int64) string     { return strconv.FormatInt(v, 10) }
func floatWord(v float64) string { return "float " + strconv.FormatUint(math.Float64bits(v), 16) }

func list[T any](values []T, word func(T) string) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = word(v)
	}
	return "[" + strings.Join(words, " ") + "]"
}
