// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package enginetest gives tests a real ClickHouse engine: clickhouse-engine,
// built from this repository, as a process of its own on a free port.
//
// The library that the engine needs is fetched when it is missing, which
// downloads 170 MiB once. A test whose engine can not be had fails and says
// why; it is not skipped.
package enginetest
