// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package goruntime reads the metrics of a Go runtime out of the memory of its
// process: no probe, no stop, no code in the process. The values are those that
// runtime/metrics gives inside of it. The metrics of the OpenTelemetry semantic
// conventions for the Go runtime are computed as
// go.opentelemetry.io/contrib/instrumentation/runtime computes them; what these
// have no name for is under fathom.go.
//
// A Layout says where a binary keeps its runtime's numbers, a Reader copies
// them out of one process into a Snapshot, and Snapshot.AppendTo makes metrics
// of it. Tests compare all of them, for each release of Go 1.21 to 1.27 and each
// way of linking, with what the process says of itself; a binary of another
// version has no metrics.
package goruntime
