// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"
)

// Protocol is a kind of requests that can be left out for a target.
type Protocol string

// The protocols.
const (
	HTTP    Protocol = "http" // of net/http servers and clients
	GRPC    Protocol = "grpc" // of google.golang.org/grpc servers and clients
	Queries Protocol = "sql"  // by database/sql
)

// Protocols are all that there are.
func Protocols() []Protocol { return []Protocol{HTTP, GRPC, Queries} }

// protocols maps the probes of requests to their protocol.
func protocols() map[Probe]Protocol {
	all := map[Probe]Protocol{
		RequestStarts: HTTP, RequestFinishes: HTTP, RequestHijacked: HTTP, ClientStarts: HTTP, ClientFinishes: HTTP,
		HTTP2Starts: HTTP, HTTP2Finishes: HTTP, HTTP2ModuleStarts: HTTP, HTTP2ModuleFinishes: HTTP,
		RPCHeaders: GRPC, RPCStarts: GRPC, RPCFinishes: GRPC, RPCFinishesHTTP: GRPC,
		RPCClientStarts: GRPC, RPCClientBegun: GRPC, RPCClientFinishes: GRPC, RPCStreamStarts: GRPC, RPCStreamBegun: GRPC,
	}
	for _, probe := range sqlProbes() {
		all[probe] = Queries
	}
	return all
}

// Only is the plan without the probes of the requests of other protocols, and
// without those that are for spans alone where nothing is left that begins one.
func (p *Plan) Only(wanted []Protocol) *Plan {
	only := *p
	only.Probes = maps.Clone(p.Probes)
	for probe, protocol := range protocols() {
		if !slices.Contains(wanted, protocol) {
			delete(only.Probes, probe)
		}
	}
	if !only.beginsSpans() {
		for _, probe := range append(sqlProbes(),
			GoroutineStatus, GoroutinePreempted, GoroutineEnds, GoroutineCreated, AllocationSampled, ClientStarts, ClientFinishes,
			RPCClientStarts, RPCClientBegun, RPCClientFinishes, RPCStreamStarts, RPCStreamBegun,
		) {
			delete(only.Probes, probe)
		}
	}
	return &only
}
