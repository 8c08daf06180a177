// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package wire reads and writes the packets of ClickHouse's native protocol,
// the server's side of it, at revision 54453 (src/Core/ProtocolDefines.h and
// src/Server/TCPHandler.cpp of ClickHouse).
//
// What comes from the socket is bounded: a packet that claims more than its
// limit is refused before anything is allocated for it.
package wire

// Revision is the revision of the protocol that the server speaks. From 54454
// on, blocks carry a byte of custom serialization for each column.
const Revision = 54453
