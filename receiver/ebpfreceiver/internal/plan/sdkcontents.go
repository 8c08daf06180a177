// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"maps"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// SDKLayout is where the OpenTelemetry Go SDK in a process keeps what its spans
// say: offsets and sizes in bytes.
type SDKLayout struct {
	// Of recordingSpan. SpanSize is of the whole struct; Context is the span's own,
	// Parent that of the span above it.
	SpanSize, Name, Kind, StartTime, EndTime, StatusCode, StatusText uint16
	Attributes, DroppedAttributes                                    uint16
	Events, DroppedEvents, Links, DroppedLinks, Tracer               uint16
	Context, Parent                                                  ContextLayout
	// Boxed: events and links are held in interfaces, as before SDK 1.28.
	Boxed bool
	Event EventLayout
	Link  LinkLayout
	Scope ScopeLayout
	// ProviderResource is the resource's pointer in the TracerProvider.
	ProviderResource uint16
	Resource         ResourceLayout
}

// ContextLayout is of a trace.SpanContext, from the start of the struct around it.
// State is the list of the trace state's members.
type ContextLayout struct{ TraceID, SpanID, Flags, State, Remote uint16 }

// EventLayout is of an Event.
type EventLayout struct{ Size, Name, Attributes, Dropped, Time uint16 }

// LinkLayout is of a Link.
type LinkLayout struct {
	Size, Attributes, Dropped uint16
	Context                   ContextLayout
}

// ScopeLayout is of a tracer. Attributes is the interface that holds those of its
// scope, Unknown where scopes have none.
type ScopeLayout struct{ Size, Provider, Name, Version, SchemaURL, Attributes uint16 }

// ResourceLayout is of a resource.Resource. Set is the interface that holds its
// attributes.
type ResourceLayout struct{ Size, Set, SchemaURL uint16 }

const (
	sdkTrace  = "go.opentelemetry.io/otel/sdk/trace."
	attribute = "go.opentelemetry.io/otel/attribute."
	apiTrace  = "go.opentelemetry.io/otel/trace."
)

// sdkContents plans to copy spans at the place in End at which their end is
// written: where it looks for the processors that are to be told of it.
func (m *maker) sdkContents() {
	point, err := m.binary.BranchOnResult(sdkTrace+"(*recordingSpan).End",
		sdkTrace+"(*TracerProvider).getSpanProcessors", sdkTrace+"(*recordingSpan).snapshot")
	if err != nil {
		m.refuse(SDKSpanContents, err)
		return
	}
	l := &m.plan.SDK
	l.EndTime = m.plan.Offsets.SpanEndTime
	if m.attributeLayout() && m.sizes(l) && m.spanLayout(l) && m.queueLayout(l) && m.scopeLayout(l) {
		m.plan.SDKEnd = point
	}
}

// WithSDKSpans is the plan with the probe that tells the spans of an SDK whole, if
// that is proven. Their ledgers are told with them.
func (p *Plan) WithSDKSpans() *Plan {
	if p.SDKEnd == 0 || !p.Has(SDKSpanEnds) {
		return p
	}
	with := *p
	with.Probes = maps.Clone(p.Probes)
	with.Probes[SDKSpanEnded] = p.SDKEnd
	return &with
}

// attributeLayout proves that attributes are as bpf/headers/image.h has them: so
// they are from SDK 1.0 to 1.47.
func (m *maker) attributeLayout() bool {
	var value, kind, number, text, slice uint16
	var key, state uint16
	if !m.offsets(SDKSpanContents,
		want{goexec.Field{Type: attribute + "KeyValue", Name: "Key"}, &key},
		want{goexec.Field{Type: attribute + "KeyValue", Name: "Value"}, &value},
		want{goexec.Field{Type: attribute + "Value", Name: "vtype"}, &kind},
		want{goexec.Field{Type: attribute + "Value", Name: "numeric"}, &number},
		want{goexec.Field{Type: attribute + "Value", Name: "stringly"}, &text},
		want{goexec.Field{Type: attribute + "Value", Name: "slice"}, &slice},
		want{goexec.Field{Type: apiTrace + "member", Name: "Value"}, &state},
	) {
		return false
	}
	var whole uint16
	if !m.size(attribute+"KeyValue", &whole) {
		return false
	}
	got := [...]uint16{key, value, kind, number, text, slice, state, whole}
	if want := [...]uint16{0, 16, 0, 8, 16, 32, 16, 64}; got != want {
		m.refuse(SDKSpanContents, fmt.Errorf("attributes are laid out as %v, not as %v", got, want))
		return false
	}
	return true
}

func (m *maker) sizes(l *SDKLayout) bool {
	return m.size(sdkTrace+"recordingSpan", &l.SpanSize) &&
		m.size(sdkTrace+"Event", &l.Event.Size) &&
		m.size(sdkTrace+"Link", &l.Link.Size) &&
		m.size(sdkTrace+"tracer", &l.Scope.Size) &&
		m.size("go.opentelemetry.io/otel/sdk/resource.Resource", &l.Resource.Size)
}

// maxSDKStruct bounds what is copied of one struct.
const maxSDKStruct = 1 << 10

func (m *maker) size(name string, into *uint16) bool {
	size, err := m.binary.TypeSize(name)
	if err == nil && size > maxSDKStruct {
		err = fmt.Errorf("%s takes %d bytes: more than %d are not copied", name, size, maxSDKStruct)
	}
	if err != nil {
		m.refuse(SDKSpanContents, err)
		return false
	}
	*into = uint16(size)
	return true
}

func (m *maker) spanLayout(l *SDKLayout) bool {
	span := func(name string, into *uint16) want {
		return want{goexec.Field{Type: sdkTrace + "recordingSpan", Name: name}, into}
	}
	return m.offsets(SDKSpanContents, append(append([]want{
		span("name", &l.Name), span("spanKind", &l.Kind), span("startTime", &l.StartTime),
		span("status.Code", &l.StatusCode), span("status.Description", &l.StatusText),
		span("attributes", &l.Attributes), span("droppedAttributes", &l.DroppedAttributes),
		span("events.queue", &l.Events), span("events.droppedCount", &l.DroppedEvents),
		span("links.queue", &l.Links), span("links.droppedCount", &l.DroppedLinks),
		span("tracer", &l.Tracer),
	}, l.Context.wants("recordingSpan", "spanContext")...), l.Parent.wants("recordingSpan", "parent")...)...)
}

func (c *ContextLayout) wants(in, field string) []want {
	at := func(name string, into *uint16) want {
		return want{goexec.Field{Type: sdkTrace + in, Name: field + "." + name}, into}
	}
	return []want{
		at("traceID", &c.TraceID), at("spanID", &c.SpanID), at("traceFlags", &c.Flags),
		at("traceState.list", &c.State), at("remote", &c.Remote),
	}
}

// queueLayout tells by the types of the queues how they hold events and links.
func (m *maker) queueLayout(l *SDKLayout) bool {
	_, plain := m.binary.TypeSize(sdkTrace + "evictedQueue[" + sdkTrace + "Event]")
	_, boxed := m.binary.TypeSize(sdkTrace + "evictedQueue")
	if plain != nil && boxed != nil {
		m.refuse(SDKSpanContents, plain)
		return false
	}
	l.Boxed = plain != nil
	event := func(name string, into *uint16) want {
		return want{goexec.Field{Type: sdkTrace + "Event", Name: name}, into}
	}
	link := func(name string, into *uint16) want {
		return want{goexec.Field{Type: sdkTrace + "Link", Name: name}, into}
	}
	return m.offsets(SDKSpanContents, append([]want{
		event("Name", &l.Event.Name), event("Attributes", &l.Event.Attributes),
		event("DroppedAttributeCount", &l.Event.Dropped), event("Time", &l.Event.Time),
		link("Attributes", &l.Link.Attributes), link("DroppedAttributeCount", &l.Link.Dropped),
	}, l.Link.Context.wants("Link", "SpanContext")...)...)
}

func (m *maker) scopeLayout(l *SDKLayout) bool {
	const scope = "instrumentationScope."
	tracer := func(name string, into *uint16) want {
		return want{goexec.Field{Type: sdkTrace + "tracer", Name: name}, into}
	}
	resource := func(name string, into *uint16) want {
		return want{goexec.Field{Type: "go.opentelemetry.io/otel/sdk/resource.Resource", Name: name}, into}
	}
	set := m.setInterface()
	wanted := []want{
		tracer("provider", &l.Scope.Provider), tracer(scope+"Name", &l.Scope.Name),
		tracer(scope+"Version", &l.Scope.Version), tracer(scope+"SchemaURL", &l.Scope.SchemaURL),
		{goexec.Field{Type: sdkTrace + "TracerProvider", Name: "resource"}, &l.ProviderResource},
		resource("attrs."+set, &l.Resource.Set), resource("schemaURL", &l.Resource.SchemaURL),
	}
	l.Scope.Attributes = Unknown
	if field := (goexec.Field{Type: sdkTrace + "tracer", Name: scope + "Attributes"}); m.has(field) {
		wanted = append(wanted, tracer(scope+"Attributes."+set, &l.Scope.Attributes))
	}
	return m.offsets(SDKSpanContents, wanted...)
}

// setInterface is the field of attribute.Set that holds the attributes: another
// one from SDK 1.39 on.
func (m *maker) setInterface() string {
	if m.has(goexec.Field{Type: attribute + "Set", Name: "data"}) {
		return "data"
	}
	return "equivalent.iface"
}

func (m *maker) has(field goexec.Field) bool {
	found, err := m.binary.Offsets([]goexec.Field{field})
	return err == nil && len(found) == 1
}
