// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package engine counts events against objectives and says which alerts fire.
//
// An Engine has the budgets of all objectives: one for each, or one for each group of
// a grouped one. Count takes an event, Evaluate lets the alerts follow the counts,
// Budgets tells the figures. Append and Restore write and read an objective's state.
//
// The package has no goroutines, no locks and no clock: the caller passes the time,
// in nanoseconds since 1970, and serializes the calls.
package engine
