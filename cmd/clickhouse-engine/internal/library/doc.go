// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package library fetches and finds libchdb.so: one pinned version of it,
// known by its checksums, in a cache that all engines of a user share.
package library
