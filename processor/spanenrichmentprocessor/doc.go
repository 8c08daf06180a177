// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package spanenrichmentprocessor joins what the ebpf receiver saw to the spans
// of OpenTelemetry SDKs. The processor stands in a logs pipeline, where it
// reads kernel events, and in a traces pipeline, where it writes time ledgers,
// file events and collections onto spans. The two share one store by
// component ID; internal/join decides which record belongs to which span.
package spanenrichmentprocessor
