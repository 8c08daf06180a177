// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package join finds the span that a record of the eBPF receiver belongs to.
//
// Records and spans come by different ways, in any order. A Store keeps both
// for a bounded time in bounded memory and joins them by one of three keys:
//
//  1. trace ID and span ID, for ledgers and file events;
//  2. trace ID, process and goroutine, for file events whose own span no trace
//     shows: the innermost span whose interval covers the event;
//  3. process and time, for collections and stops of the world.
//
// The package has no goroutines, no locks and no clock: the caller passes the
// time and serializes the calls. What a Store did stands in its Tally.
package join
