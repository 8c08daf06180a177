// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/binary"
	"fmt"
)

// Lookup is one of a name, which failed or took long.
type Lookup struct {
	Header
	Failed bool
	// Name is cut at 255 bytes.
	Name string
}

// Handshake is one of TLS, which failed or took long.
type Handshake struct {
	Header
	Failed bool
	// Server: the process is the server.
	Server bool
	// Version is of crypto/tls, 0 where it was not agreed on.
	Version uint16
	// ServerName is what the client asked for, "" where it did not; cut at 255 bytes.
	ServerName string
}

// Sizes and offsets in bytes, and numbers: bpf/headers/records.h.
const (
	setupOperation = headerSize
	setupFailed    = headerSize + 4
	setupServer    = headerSize + 8
	setupVersion   = headerSize + 12
	setupLength    = headerSize + 14
	setupName      = headerSize + 16
	setupNameSize  = 256
	setupSize      = setupName + setupNameSize
	setupLookup    = 1
	setupHandshake = 2
	kindSetup      = 11
)

func decodeSetup(raw []byte) (Record, error) {
	failed := u32(raw, setupFailed) != 0
	name := text(raw, setupName, setupNameSize, uint32(binary.LittleEndian.Uint16(raw[setupLength:])))
	switch operation := u32(raw, setupOperation); operation {
	case setupLookup:
		return &Lookup{Header: decodeHeader(raw), Failed: failed, Name: name}, nil
	case setupHandshake:
		return &Handshake{
			Header:     decodeHeader(raw),
			Failed:     failed,
			Server:     u32(raw, setupServer) != 0,
			Version:    binary.LittleEndian.Uint16(raw[setupVersion:]),
			ServerName: name,
		}, nil
	default:
		return nil, fmt.Errorf("%w: set-up operation %d", ErrMalformed, operation)
	}
}
