// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package frames compresses what goes over ClickHouse's native protocol. A block
// is cut into frames of a size that the processor's cache holds, so that a block's
// compression takes a few hundred KiB of memory whatever the block's size is.
// ClickHouse reads frames as one stream (src/Compression/CompressedReadBuffer.cpp),
// and its own clients cut blocks into frames of 1 MiB.
package frames
