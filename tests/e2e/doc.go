// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the whole: the built agent as a process, with its default
// configuration on ports of the test's own, the embedded ClickHouse under it and
// the demo shop in front of it. What is asserted is read from ClickHouse.
//
// The tests need root on a kernel that loads BPF; without they fail and say so.
// The shop's processes run before all others of the machine: else a request that
// shall be slow because of the injected cause is slow because its thread waits
// for a CPU, and its ledger says so.
package e2e
