// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package deadletter keeps rows that ClickHouse refused for good: as OTLP JSON,
// in the Collector's log or in files that can be sent again.
package deadletter
