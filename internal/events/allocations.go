// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package events

// AllocationSite: one of the stacks of a process that allocated most since the
// reading before.
const AllocationSite = "fathom.go.allocation.site"

// Attributes of allocations. What was allocated is an estimate: the runtime
// samples it.
const (
	// AllocationBytes that were allocated in Duration (int).
	AllocationBytes = "fathom.go.allocation.bytes"
	// AllocationObjects that were (int).
	AllocationObjects = "fathom.go.allocation.objects"
	// AllocationInUseBytes that were allocated at any time and not freed (int).
	AllocationInUseBytes = "fathom.go.allocation.inuse.bytes"
	// AllocationInUseObjects that were (int).
	AllocationInUseObjects = "fathom.go.allocation.inuse.objects"

	// AllocatedBytes, of a span, is what its goroutine allocated in it (int).
	AllocatedBytes = "fathom.alloc.bytes"
	// AllocationSamples, of a span, is of how many samples that is an estimate (int).
	AllocationSamples = "fathom.alloc.samples"
)
