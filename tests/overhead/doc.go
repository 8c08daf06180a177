// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package overhead measures what observation costs: CPU and latency of a server
// under load with and without the agent, in turns within one run, and the
// agent's own CPU and memory. `make bench` runs it.
package overhead
