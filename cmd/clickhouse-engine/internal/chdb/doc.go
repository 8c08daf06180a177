// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package chdb calls libchdb.so, the ClickHouse engine as a shared library,
// without cgo.
package chdb
