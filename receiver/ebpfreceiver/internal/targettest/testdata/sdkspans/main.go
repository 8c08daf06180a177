// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command sdkspans makes random spans with the OpenTelemetry SDK that it is built
// with and answers what the SDK says of each. GET /spans?seed=1&n=100&provider=exporting,
// limitless or burst; the default has no span processor at all.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math/rand"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// complexValue is a value of a type that older SDKs do not have.
var complexValue func(r *rand.Rand) (attribute.Value, bool)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	options := []sdk.TracerProviderOption{sdk.WithSampler(byName{}), sdk.WithResource(described())}
	unlimited := sdk.SpanLimits{
		AttributeValueLengthLimit: -1, AttributeCountLimit: -1, EventCountLimit: -1, LinkCountLimit: -1,
		AttributePerEventCountLimit: -1, AttributePerLinkCountLimit: -1,
	}
	providers := map[string]*sdk.TracerProvider{
		"":          sdk.NewTracerProvider(options...),
		"exporting": sdk.NewTracerProvider(append(options, sdk.WithSyncer(nowhere{}))...),
		"limitless": sdk.NewTracerProvider(append(options, sdk.WithRawSpanLimits(unlimited))...),
	}
	http.HandleFunc("/spans", func(w http.ResponseWriter, request *http.Request) {
		seed, _ := strconv.ParseInt(request.FormValue("seed"), 10, 64)
		n, _ := strconv.Atoi(request.FormValue("n"))
		m := maker{Rand: rand.New(rand.NewSource(seed)), provider: providers[request.FormValue("provider")]}
		if request.FormValue("provider") == "limitless" {
			m.large = true
		}
		done := make(chan struct{})
		go func() { // not in the span of a request
			defer close(done)
			m.spans(n)
		}()
		<-done
		_ = json.NewEncoder(w).Encode(m.truth)
	})
	http.HandleFunc("/burst", func(w http.ResponseWriter, request *http.Request) {
		n, _ := strconv.Atoi(request.FormValue("n"))
		var workers sync.WaitGroup
		for worker := 0; worker < 4; worker++ {
			workers.Add(1)
			go func() {
				defer workers.Done()
				burst(providers[""].Tracer("burst"), n/4)
			}()
		}
		workers.Wait()
	})
	serveSynced(providers[""].Tracer("synced"))
	log.Fatal(http.Serve(listener, nil))
}

// burst makes spans as servers do.
func burst(tracer trace.Tracer, n int) {
	for i := 0; i < n; i++ {
		_, span := tracer.Start(context.Background(), "GET /items/{id}", trace.WithSpanKind(trace.SpanKindServer))
		span.SetAttributes(attribute.String("http.request.method", "GET"), attribute.String("http.route", "/items/{id}"),
			attribute.String("url.path", "/items/"+strconv.Itoa(i)), attribute.Int("http.response.status_code", 200),
			attribute.Int("burst.number", i))
		span.AddEvent("cache.miss", trace.WithAttributes(attribute.String("key", "item")))
		span.End()
	}
}

// described is a resource with each kind of attribute.
func described() *resource.Resource {
	return resource.NewWithAttributes("https://opentelemetry.io/schemas/1.26.0",
		attribute.String("service.name", "from-the-sdk"), attribute.String("service.version", "1.2.3"),
		attribute.StringSlice("team", []string{"a", "b"}), attribute.Int("replicas", 3), attribute.Bool("canary", true),
		attribute.Float64("weight", 0.25))
}

// nowhere is an exporter that drops what it gets.
type nowhere struct{}

func (nowhere) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return nil }
func (nowhere) Shutdown(context.Context) error                        { return nil }

// byName samples by the name that a span begins with.
type byName struct{}

func (byName) Description() string { return "byName" }

func (byName) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	result := sdk.SamplingResult{Decision: sdk.RecordAndSample, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
	switch {
	case strings.HasPrefix(p.Name, "dropped"):
		result.Decision = sdk.Drop
	case strings.HasPrefix(p.Name, "recorded"):
		result.Decision = sdk.RecordOnly
	default:
		result.Attributes = []attribute.KeyValue{attribute.String("sampler", "byName")}
	}
	return result
}

// maker makes random spans and keeps what the SDK says of them.
type maker struct {
	*rand.Rand
	provider *sdk.TracerProvider
	large    bool
	truth    []Span
}

func (m *maker) spans(n int) {
	for len(m.truth) < n {
		m.span(m.parent(), 0)
	}
}

// parent is no span, or one that came from elsewhere.
func (m *maker) parent() context.Context {
	if m.Intn(3) > 0 {
		return context.Background()
	}
	return trace.ContextWithRemoteSpanContext(context.Background(), m.context(true))
}

func (m *maker) context(remote bool) trace.SpanContext {
	config := trace.SpanContextConfig{TraceFlags: trace.TraceFlags(m.Intn(2)), Remote: remote}
	m.Read(config.TraceID[:])
	m.Read(config.SpanID[:])
	for i := m.Intn(4); i > 0; i-- {
		config.TraceState, _ = config.TraceState.Insert(fmt.Sprintf("vendor%d", i), strconv.Itoa(m.Int()))
	}
	return trace.NewSpanContext(config)
}

func (m *maker) span(ctx context.Context, depth int) {
	name := m.text()
	if m.Intn(10) == 0 {
		name = []string{"dropped", "recorded"}[m.Intn(2)] + name
	}
	ctx, span := m.tracer().Start(ctx, name, m.startOptions()...)
	m.fill(span)
	if depth < 3 && m.Intn(3) == 0 {
		m.span(ctx, depth+1)
	}
	m.end(span)
	if span.SpanContext().IsSampled() {
		m.truth = append(m.truth, spanOf(span.(sdk.ReadOnlySpan)))
	}
}

func (m *maker) tracer() trace.Tracer {
	switch m.Intn(3) {
	case 0:
		return m.provider.Tracer("")
	case 1:
		return m.provider.Tracer("library/" + strconv.Itoa(m.Intn(20)))
	default:
		return m.provider.Tracer("versioned", trace.WithInstrumentationVersion(strconv.Itoa(m.Intn(3))),
			trace.WithSchemaURL("https://opentelemetry.io/schemas/1.21.0"),
			trace.WithInstrumentationAttributes(attribute.String("language", "go"), attribute.Int("level", m.Intn(3))))
	}
}

func (m *maker) startOptions() (options []trace.SpanStartOption) {
	options = append(options, trace.WithSpanKind(trace.SpanKind(m.Intn(6))), trace.WithAttributes(m.attributes(5)...))
	if m.Intn(5) == 0 {
		options = append(options, trace.WithTimestamp(time.Unix(1_700_000_000+m.Int63n(1e6), m.Int63n(1e9))))
	}
	if m.Intn(8) == 0 {
		options = append(options, trace.WithNewRoot())
	}
	for i := m.Intn(4); i > 0; i-- {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: m.context(i == 2), Attributes: unique(m.attributes(4))}))
	}
	return options
}

func (m *maker) fill(span trace.Span) {
	most := 20
	if m.Intn(20) == 0 {
		most = 200 // more than the SDK's limit
	}
	span.SetAttributes(m.attributes(most)...)
	for i := m.Intn(6); i > 0; i-- {
		options := []trace.EventOption{trace.WithAttributes(unique(m.attributes(4))...)}
		if m.Intn(2) == 0 {
			options = append(options, trace.WithTimestamp(time.Unix(1_700_000_000, m.Int63n(1e9))))
		}
		span.AddEvent(m.text(), options...)
	}
	if m.Intn(5) == 0 {
		span.RecordError(fmt.Errorf("failed: %s", m.text()), trace.WithStackTrace(m.Intn(2) == 0))
	}
	if m.Intn(3) == 0 {
		span.SetStatus(codes.Code(m.Intn(3)), m.text())
	}
	if m.Intn(5) == 0 {
		span.SetName("renamed " + m.text())
	}
	if m.large && m.Intn(3) == 0 {
		m.fillLarge(span)
	}
}

// fillLarge is more than the receiver copies.
func (m *maker) fillLarge(span trace.Span) {
	for i := m.Intn(600); i > 0; i-- {
		span.SetAttributes(attribute.String("large."+strconv.Itoa(i), m.text()))
	}
	span.SetAttributes(attribute.String("long", strings.Repeat("ä", m.Intn(20_000))))
	for i := m.Intn(400); i > 0; i-- {
		span.AddEvent("event", trace.WithAttributes(unique(m.attributes(4))...))
	}
}

func (m *maker) end(span trace.Span) {
	switch m.Intn(12) {
	case 0: // elsewhere
		done := make(chan struct{})
		go func() {
			defer close(done)
			span.End()
		}()
		<-done
	case 1:
		span.End()
		span.End() // changes nothing
	case 2:
		span.End(trace.WithTimestamp(time.Now().Add(time.Duration(m.Intn(1000)) * time.Microsecond)))
	case 3:
		func() {
			defer func() { _ = recover() }()
			defer span.End()
			panic("as planned: " + m.text())
		}()
	default:
		span.End()
	}
}
