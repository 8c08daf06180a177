// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package server serves an engine over ClickHouse's native protocol.
package server
