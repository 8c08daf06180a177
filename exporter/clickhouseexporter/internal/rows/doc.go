// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package rows turns pdata into the columns of the exporter's tables: one
// struct a table, its columns in the order in which the clickhouse exporter of
// opentelemetry-collector-contrib v0.161.0 inserts them, with the same values.
// Where that exporter wraps around or fails (a span that ends before it
// starts, a time beyond the column's range), the nearest value that the column
// can hold is stored and the correction is counted.
//
// The package does no I/O: a block is filled by Append, read by Input and
// reused after Reset. A block is for one goroutine at a time.
package rows
