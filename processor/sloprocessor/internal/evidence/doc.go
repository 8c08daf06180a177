// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package evidence keeps, of the events of one budget, what an alert shows: some
// traces, drawn at random and the slowest, and what the time ledgers of bad spans
// say beside those of good ones.
//
// Exemplars are of the last 30 to 60 minutes, ledgers of the last 130, in slots of 5.
// Memory is bounded, and taken only by budgets whose events have traces or ledgers.
package evidence
