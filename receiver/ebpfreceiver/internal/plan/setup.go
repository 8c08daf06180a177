// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// TLSOffsets are in bytes within crypto/tls.Conn.
type TLSOffsets struct {
	In, Error, Version, ServerName uint16
}

// lookups plans the look-ups of names: from the entry of lookupIPAddr, which both
// Go's resolver and the C library's are behind, to where its caller, which resolves
// what is dialled, looks at the result.
func (m *maker) lookups() {
	const lookup, caller = "net.(*Resolver).lookupIPAddr", "net.(*Resolver).internetAddrList"
	if !m.probes(Lookups, map[Probe]string{LookupStarts: lookup}) {
		return
	}
	ends, err := m.afterCall(caller, lookup)
	if err != nil {
		m.refuse(Lookups, err)
	}
	if err != nil || !m.goroutineID(Lookups) {
		m.drop(LookupStarts)
		return
	}
	m.plan.Probes[LookupEnds] = ends
}

// handshakes plans those of TLS: from the entry of the function for the role to
// where the connection's input is unlocked, a deferred call of handshakeContext
// that the program checks by what it unlocks.
func (m *maker) handshakes(version goVersion) {
	const conn = "crypto/tls.(*Conn)."
	starts, err := m.linkedProbes(map[Probe]string{
		HandshakeStarts:       conn + "clientHandshake",
		HandshakeServerStarts: conn + "serverHandshake",
	})
	if starts == 0 && err == nil {
		return
	}
	if err == nil && version.less(1, 22) {
		err = errors.New("deferred calls have no names of their own before Go 1.22")
	}
	var ends int
	if err == nil {
		ends, err = m.linkedProbes(map[Probe]string{HandshakeEnds: conn + "handshakeContext.deferwrap2"})
	}
	if err == nil && ends == 0 {
		err = errors.New("there is no place where a handshake unlocks its connection")
	}
	if err != nil {
		m.refuse(Handshakes, err)
	}
	o := &m.plan.Offsets.TLS
	if err != nil || !m.goroutineID(Handshakes) || !m.offsets(Handshakes,
		want{goexec.Field{Type: "crypto/tls.Conn", Name: "in"}, &o.In},
		want{goexec.Field{Type: "crypto/tls.Conn", Name: "handshakeErr"}, &o.Error},
		want{goexec.Field{Type: "crypto/tls.Conn", Name: "vers"}, &o.Version},
		want{goexec.Field{Type: "crypto/tls.Conn", Name: "serverName"}, &o.ServerName},
	) {
		m.drop(HandshakeStarts, HandshakeServerStarts, HandshakeEnds)
	}
}
