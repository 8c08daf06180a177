// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package statement reads as much of a SQL statement as the native protocol's
// server needs: whether it is an INSERT that waits for blocks from the client,
// and where its FORMAT clause is. Everything else is the engine's to parse.
package statement
