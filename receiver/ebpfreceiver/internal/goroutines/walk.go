// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

// frameSize is what a frame pointer points to: the caller's frame pointer and
// the return address (amd64; so too on arm64, see runtime.fpTracebackPCs).
const frameSize = 16

// walk visits where a goroutine stopped and then its return addresses, up the
// frame pointers, until visit is content or the stack ends. It follows only
// frames that lie on the goroutine's stack, each above the last, so that it ends
// on whatever memory holds. frame reads the two words at an address that is on
// the stack.
func walk(g *goroutine, frame func(fp uint64) (caller, ret uint64, ok bool), visit func(pc uint64) bool) {
	if !visit(g.pc) {
		return
	}
	for fp := g.bp; g.onStack(fp); {
		caller, ret, ok := frame(fp)
		if !ok || ret == 0 || !visit(ret) || caller <= fp {
			return
		}
		fp = caller
	}
}
