// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package supervisor keeps one clickhouse-engine process running: it starts
// it, waits until it answers, passes its log on, starts it again when it dies
// and stops it.
package supervisor
