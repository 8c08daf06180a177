// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"crypto/tls"
	"strconv"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

func (b *Batch) addLookup(log plog.LogRecord, l *record.Lookup) {
	b.addEvent(log, events.Lookup, &l.Header)
	if l.Name != "" {
		log.Attributes().PutStr(events.QuestionName, l.Name)
	}
	if l.Failed {
		log.Attributes().PutStr(events.ErrorType, otherError)
	}
}

// otherError is the error.type of what failed for a reason that was not read.
const otherError = "_OTHER"

func (b *Batch) addHandshake(log plog.LogRecord, h *record.Handshake) {
	b.addEvent(log, events.Handshake, &h.Header)
	attributes := log.Attributes()
	role := "client"
	if h.Server {
		role = "server"
	}
	attributes.PutStr(events.TLSRole, role)
	if h.ServerName != "" {
		attributes.PutStr(events.ServerAddress, h.ServerName)
	}
	if h.Version >= tls.VersionTLS10 && h.Version < tls.VersionTLS10+10 {
		attributes.PutStr(events.TLSProtocolName, "tls")
		attributes.PutStr(events.TLSProtocolVersion, "1."+strconv.Itoa(int(h.Version-tls.VersionTLS10)))
	}
	if h.Failed {
		attributes.PutStr(events.ErrorType, otherError)
	}
}
