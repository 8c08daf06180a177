// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

// spanAllocations counts the runtime's samples of allocations for the span that
// the goroutine is in. profilealloc has the same arguments in all releases
// (src/runtime/malloc.go).
func (m *maker) spanAllocations() {
	if !m.plan.beginsSpans() {
		return
	}
	rate, err := m.binary.Symbol("runtime.MemProfileRate")
	if err != nil {
		m.refuse(SpanAllocations, err)
		return
	}
	if m.probes(SpanAllocations, map[Probe]string{AllocationSampled: "runtime.profilealloc"}) {
		m.plan.MemProfileRate = rate.Addr
	}
}
