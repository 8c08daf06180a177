// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package library fetches libchdb.so into the cache that all engines of a user
// share: the build that internal/chdblibrary pins, known by its checksums.
package library
