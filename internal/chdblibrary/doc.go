// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package chdblibrary says which build of libchdb, ClickHouse as a shared
// library, Fathom uses, where the cache keeps it, and whether it is there.
// clickhouse-engine fetches and loads it, fathom-preflight tells of it.
package chdblibrary
