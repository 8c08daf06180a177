// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package emit turns records of the BPF programs into OpenTelemetry data: spans
// of requests that no SDK tells of, log records of everything else. It is pure:
// processes and clock readings are handed to it.
package emit
