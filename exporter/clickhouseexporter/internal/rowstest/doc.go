// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package rowstest holds awkward telemetry for tests, and prints rows so that
// what was encoded can be compared with what a real ClickHouse gives back.
package rowstest
