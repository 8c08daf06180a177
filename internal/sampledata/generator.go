// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sampledata

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Generator makes batches. It is for one goroutine at a time.
type Generator struct {
	random *rand.Rand
	now    time.Time
}

// New makes a generator.
func New(seed uint64) *Generator {
	return &Generator{
		random: rand.New(rand.NewPCG(seed, seed)),
		now:    time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
	}
}

var (
	services = []string{
		"frontend", "checkout", "cart", "payment", "shipping", "inventory", "recommendation", "search",
		"notification", "identity", "pricing", "fraud-detection",
	}
	regions = []string{"eu-central-1a", "eu-central-1b", "eu-west-1c", "us-east-1a"}
	routes  = []string{
		"/", "/cart", "/cart/{id}/items", "/checkout", "/products/{id}", "/products/{id}/reviews", "/search",
		"/users/{id}/orders", "/api/v2/prices", "/healthz",
	}
	methods = []string{"GET", "GET", "GET", "POST", "PUT", "DELETE"}
	agents  = []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1",
		"Go-http-client/2.0", "okhttp/4.12.0", "curl/8.9.1",
	}
	words = []string{
		"order", "paid", "failed", "retry", "user", "cache", "miss", "timeout", "after", "upstream", "shard",
		"rebalanced", "invoice", "queued", "worker", "stock", "reserved", "released", "session", "token",
	}
)

func (g *Generator) pick(of []string) string { return of[g.random.IntN(len(of))] }

// chance is true in that many of 100 cases.
func (g *Generator) chance(percent int) bool { return g.random.IntN(100) < percent }

// after is the next moment, some µs later.
func (g *Generator) after() time.Time {
	g.now = g.now.Add(time.Duration(g.random.IntN(20_000)) * time.Nanosecond)
	return g.now
}

// duration has a long tail: 1 ms in the middle, seconds at the end.
func (g *Generator) duration() time.Duration {
	return time.Duration(float64(time.Millisecond) * 1 / (1.001 - g.random.Float64()) * g.random.ExpFloat64())
}

func (g *Generator) traceID() (id pcommon.TraceID) {
	for i := range id {
		id[i] = byte(g.random.Uint32())
	}
	return id
}

func (g *Generator) spanID() (id pcommon.SpanID) {
	for i := range id {
		id[i] = byte(g.random.Uint32())
	}
	return id
}

// sentence is some words, now and then many.
func (g *Generator) sentence() string {
	n := 4 + g.random.IntN(8)
	if g.chance(2) {
		n *= 40
	}
	var text strings.Builder
	for range n {
		text.WriteString(g.pick(words))
		text.WriteByte(' ')
	}
	fmt.Fprintf(&text, "%x", g.random.Uint64())
	return text.String()
}

// resource is that of one pod of a service.
func (g *Generator) resource(attributes pcommon.Map, service string) {
	pod := fmt.Sprintf("%s-%x-%x", service, g.random.Uint32(), g.random.Uint32()&0xffff)
	attributes.PutStr("service.name", service)
	attributes.PutStr("service.namespace", "shop")
	attributes.PutStr("service.version", fmt.Sprintf("1.%d.%d", g.random.IntN(40), g.random.IntN(9)))
	attributes.PutStr("service.instance.id", fmt.Sprintf("%016x%016x", g.random.Uint64(), g.random.Uint64()))
	attributes.PutStr("telemetry.sdk.name", "opentelemetry")
	attributes.PutStr("telemetry.sdk.language", "go")
	attributes.PutStr("telemetry.sdk.version", "1.38.0")
	attributes.PutStr("k8s.namespace.name", "shop")
	attributes.PutStr("k8s.pod.name", pod)
	attributes.PutStr("k8s.node.name", fmt.Sprintf("node-%d", g.random.IntN(64)))
	attributes.PutStr("k8s.deployment.name", service)
	attributes.PutStr("cloud.provider", "aws")
	attributes.PutStr("cloud.availability_zone", g.pick(regions))
	attributes.PutStr("host.arch", "amd64")
	attributes.PutInt("process.pid", int64(1+g.random.IntN(4_000_000)))
}

// tail is up to three attributes of a team's own, of one row in twenty.
func (g *Generator) tail(attributes pcommon.Map) {
	if !g.chance(5) {
		return
	}
	for range 1 + g.random.IntN(3) {
		key := fmt.Sprintf("shop.%s.%s", g.pick(words), g.pick(words))
		attributes.PutStr(key, g.sentence())
	}
}
