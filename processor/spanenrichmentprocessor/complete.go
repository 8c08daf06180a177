// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"strconv"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// complete gives a span the attributes of the semantic conventions that its SDK
// left out and on which all its events agree. What the SDK set stays.
func complete(span ptrace.Span, agreed *join.Agreed) bool {
	switch span.Kind() {
	case ptrace.SpanKindClient:
		return completePeer(span, agreed.Peer)
	case ptrace.SpanKindInternal, ptrace.SpanKindUnspecified:
		return completePath(span, agreed)
	default:
		return false // a server's peer is its client, and no event tells of it
	}
}

// completePeer names the peer of a client's span. Where the SDK named another
// address, the port is not that of the peer which it means.
func completePeer(span ptrace.Span, peer join.Peer) bool {
	if peer.Address == "" {
		return false
	}
	attributes := span.Attributes()
	named, has := attributes.Get(events.NetworkPeerAddress)
	if has && named.AsString() != peer.Address {
		return false
	}
	port, hasPort := attributes.Get(events.NetworkPeerPort)
	if !has && hasPort && port.AsString() != strconv.FormatInt(peer.Port, 10) {
		return false
	}
	if !has {
		attributes.PutStr(events.NetworkPeerAddress, peer.Address)
	}
	addPort := !hasPort && peer.Port > 0
	if addPort {
		attributes.PutInt(events.NetworkPeerPort, peer.Port)
	}
	return !has || addPort
}

// completePath names the file that a span is about: that of its file events, if
// they took at least half of its time.
func completePath(span ptrace.Span, agreed *join.Agreed) bool {
	if agreed.Path == "" {
		return false
	}
	interval := intervalOf(span)
	if 2*agreed.FileTime < interval.End-interval.Start {
		return false
	}
	if _, has := span.Attributes().Get(events.FilePath); has {
		return false
	}
	span.Attributes().PutStr(events.FilePath, agreed.Path)
	return true
}
