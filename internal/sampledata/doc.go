// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package sampledata makes telemetry for benchmarks and load: that of a dozen
// services with instrumentation of several kinds, 10 to 30 attributes a span or
// record, values that do not repeat, and a long tail of keys and lengths. The same
// seed makes the same data.
package sampledata
