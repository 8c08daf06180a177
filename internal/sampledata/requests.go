// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sampledata

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// server is the attributes of an HTTP request that came in.
func (g *Generator) server(a pcommon.Map) (name string) {
	method, route := g.pick(methods), g.pick(routes)
	a.PutStr("http.request.method", method)
	a.PutStr("url.scheme", "https")
	a.PutStr("url.path", fmt.Sprintf("%s/%d", route, g.random.IntN(1_000_000)))
	a.PutStr("http.route", route)
	a.PutInt("http.response.status_code", int64(200+g.random.IntN(4)*101))
	a.PutStr("server.address", "shop.example.com")
	a.PutInt("server.port", 443)
	a.PutStr("client.address", g.address())
	a.PutInt("client.port", int64(32768+g.random.IntN(28000)))
	a.PutStr("network.peer.address", g.address())
	a.PutInt("network.peer.port", int64(32768+g.random.IntN(28000)))
	a.PutStr("network.protocol.version", "1.1")
	a.PutStr("user_agent.original", g.pick(agents))
	if g.chance(30) {
		a.PutStr("url.query", fmt.Sprintf("page=%d&sort=price&session=%x", g.random.IntN(50), g.random.Uint64()))
	}
	if g.chance(60) {
		a.PutStr("enduser.id", fmt.Sprintf("%x", g.random.Uint64()))
	}
	if g.chance(50) {
		g.ledger(a)
	}
	return method + " " + route
}

// ledger is what span_enrichment puts on a span.
func (g *Generator) ledger(a pcommon.Map) {
	for _, cause := range []string{
		"on_cpu", "runnable", "os_runqueue", "syscall.file", "syscall.network", "blocked.network", "blocked.channel",
		"blocked.mutex", "gc_assist", "unattributed",
	} {
		a.PutInt("fathom.time."+cause, int64(g.random.IntN(5_000_000)))
	}
	a.PutStr("fathom.time.dominant", "on_cpu")
	a.PutStr("fathom.time.source", "exact")
}

// client is the attributes of an HTTP request to another service.
func (g *Generator) client(a pcommon.Map) (name string) {
	method, service := g.pick(methods), g.pick(services)
	a.PutStr("http.request.method", method)
	a.PutStr("server.address", service+".shop.svc.cluster.local")
	a.PutInt("server.port", 8080)
	a.PutStr("url.full", fmt.Sprintf("http://%s.shop.svc.cluster.local:8080/v1/%s/%d", service, g.pick(words), g.random.Uint32()))
	a.PutInt("http.response.status_code", 200)
	a.PutInt("http.response.body.size", int64(g.random.IntN(100_000)))
	a.PutStr("network.protocol.version", "2")
	a.PutStr("network.peer.address", g.address())
	a.PutInt("network.peer.port", 8080)
	a.PutInt("http.request.resend_count", int64(g.random.IntN(2)))
	return method
}

// database is the attributes of a query.
func (g *Generator) database(a pcommon.Map) (name string) {
	table := g.pick(words)
	a.PutStr("db.system.name", "postgresql")
	a.PutStr("db.namespace", "shop")
	a.PutStr("db.operation.name", "SELECT")
	a.PutStr("db.collection.name", table+"s")
	a.PutStr("db.query.text", fmt.Sprintf(
		"SELECT id, state, updated_at, total FROM %ss WHERE tenant_id = $1 AND state = $2 AND id > %d ORDER BY id LIMIT 100",
		table, g.random.Uint32()))
	a.PutStr("server.address", "postgres-primary.shop.svc.cluster.local")
	a.PutInt("server.port", 5432)
	a.PutInt("db.response.returned_rows", int64(g.random.IntN(100)))
	a.PutInt("thread.id", int64(g.random.IntN(512)))
	a.PutDouble("db.cost", g.random.Float64()*1000)
	return "SELECT " + table + "s"
}

// messaging is the attributes of a message that was sent.
func (g *Generator) messaging(a pcommon.Map) (name string) {
	topic := g.pick(words) + "-events"
	a.PutStr("messaging.system", "kafka")
	a.PutStr("messaging.destination.name", topic)
	a.PutStr("messaging.operation.name", "send")
	a.PutStr("messaging.client.id", "producer-"+fmt.Sprint(g.random.IntN(9)))
	a.PutStr("messaging.kafka.message.key", fmt.Sprintf("%x", g.random.Uint64()))
	a.PutInt("messaging.kafka.offset", g.random.Int64N(1<<40))
	a.PutStr("messaging.destination.partition.id", fmt.Sprint(g.random.IntN(64)))
	a.PutInt("messaging.message.body.size", int64(g.random.IntN(50_000)))
	a.PutStr("server.address", "kafka-"+fmt.Sprint(g.random.IntN(5)))
	a.PutBool("messaging.kafka.message.tombstone", g.chance(1))
	return "send " + topic
}

func (g *Generator) address() string {
	return fmt.Sprintf("10.%d.%d.%d", g.random.IntN(256), g.random.IntN(256), g.random.IntN(256))
}
