// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the whole: the built agent as a process, with its default
// configuration on ports of the test's own, the embedded ClickHouse under it and
// the demo shop in front of it. What is asserted is read from ClickHouse.
//
// The tests need root on a kernel that loads BPF; without they fail and say so.
// On a machine that does other things at the time, the shop's processes get a
// higher priority than those: what shall make a request slow is the cause that
// the test injects.
package e2e
