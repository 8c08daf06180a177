// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package attach keeps the probes on the processes that discovery finds: it
// analyses each executable once, attaches to each process that runs it, and
// detaches when the process has ended. It also knows, for every record that the
// probes deliver, which process it is about.
package attach
