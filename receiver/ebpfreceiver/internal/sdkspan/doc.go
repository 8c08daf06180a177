// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package sdkspan reads spans of the OpenTelemetry Go SDK out of the images that
// the BPF programs make of them at their end (bpf/headers/image.h). It is pure:
// what an SDK keeps where is told by the plan of the executable.
package sdkspan
