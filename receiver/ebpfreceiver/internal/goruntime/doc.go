// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package goruntime reads the metrics of a Go runtime out of the memory of its
// process: no probe, no stop, no code in the process. The values are those that
// runtime/metrics gives inside of it, and the metrics are those of the
// OpenTelemetry semantic conventions for the Go runtime, computed as
// go.opentelemetry.io/contrib/instrumentation/runtime computes them.
//
// A Layout says where a binary keeps its runtime's numbers, a Reader copies
// them out of one process into a Snapshot, and Snapshot.AppendTo makes metrics
// of it. The formulas were compared with the sources of Go 1.23 to 1.26; a
// binary of another version has no metrics.
package goruntime
