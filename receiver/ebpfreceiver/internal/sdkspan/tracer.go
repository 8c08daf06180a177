// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sdkspan

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// Tracer is what the spans of one tracer share.
type Tracer struct {
	// Scope and its schema's URL.
	Scope    pcommon.InstrumentationScope
	ScopeURL string
	// Resource holds the attributes of the provider's resource.
	Resource    pcommon.Map
	ResourceURL string
}

// ReadTracer reads the tracer out of an image. It reports false where it was not
// told with this span: then it was with an earlier one.
func ReadTracer(bytes []byte, l *plan.SDKLayout) (*Tracer, Cut, bool) {
	d := &decoder{image: bytes, left: maxElements}
	c, ok := d.image.follow(rootTracer, chunkTracer)
	if !ok || c.bytes < int(l.Scope.Size) {
		return nil, d.cut, false
	}
	t := &Tracer{Scope: pcommon.NewInstrumentationScope(), Resource: pcommon.NewMap()}
	t.Scope.SetName(d.text(c.at + int(l.Scope.Name)))
	t.Scope.SetVersion(d.text(c.at + int(l.Scope.Version)))
	t.ScopeURL = d.text(c.at + int(l.Scope.SchemaURL))
	if l.Scope.Attributes != plan.Unknown {
		d.set(t.Scope.Attributes(), c.at+int(l.Scope.Attributes))
	}
	resource, ok := d.image.follow(c.at+int(l.Scope.Provider), chunkResource)
	if ok && resource.bytes >= int(l.Resource.Size) {
		t.ResourceURL = d.text(resource.at + int(l.Resource.SchemaURL))
		d.set(t.Resource, resource.at+int(l.Resource.Set))
	}
	return t, d.cut, true
}

// Tracers are those of one process, by their address in it.
type Tracers map[uint64]*Tracer

// maxTracers bounds those that are remembered of a process. They are told again
// within a second.
const maxTracers = 4096

// Put remembers a tracer.
func (t Tracers) Put(address uint64, tracer *Tracer) {
	if len(t) >= maxTracers {
		clear(t)
	}
	t[address] = tracer
}
