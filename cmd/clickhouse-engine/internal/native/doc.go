// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package native knows where a block of ClickHouse's Native format ends.
//
// A block carries no length of its own: only the types of its columns say how
// many bytes follow. So a server that passes blocks on has to walk them. The
// walk copies a block from a reader to a writer without building any value,
// in memory that does not grow with the block, whatever lengths the block
// claims.
//
// The layout is that of NativeWriter.cpp and of the serializeBinaryBulk
// functions in src/DataTypes/Serializations of ClickHouse, at client revision
// 0 to 54453 (no custom serialization).
package native
