// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package ebpfreceiver observes Go programs from the kernel, with no change in
// them: where each request's time went, stops of the world, slow files, the
// runtime's metrics. Data flows discover → attach → probe → record → emit.
package ebpfreceiver
