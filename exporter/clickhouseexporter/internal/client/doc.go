// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package client speaks to ClickHouse over its native protocol: a pool of
// connections, INSERTs of prepared columns, statements without a result, and
// what the server's errors mean for a caller who wonders whether to try again.
package client
