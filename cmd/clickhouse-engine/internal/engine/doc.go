// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package engine is one ClickHouse engine in this process, on one storage
// path, with any number of sessions.
package engine
