// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package overhead measures what observation costs: CPU and latency of a server
// under load with and without the agent, in turns within one run, and the
// agent's own CPU and memory. So it does of a program that makes spans, beside its
// SDK's own exporter. `make bench` runs it.
package overhead
