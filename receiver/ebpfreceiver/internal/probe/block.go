// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// Block is requests to block devices. Waits of threads for them need none of it.
const Block KernelFeature = "block"

// The tracepoints of a request's beginning and end: that of one by itself, and of
// one into which the kernel merged it.
const (
	blockQueue    = "block_bio_queue"
	blockComplete = "block_bio_complete"
	blockRequest  = "block_rq_complete"
)

// loadBlock loads the programs of requests to block devices, or refuses them where
// the kernel has not their tracepoints as they are known.
func (p *Programs) loadBlock(shared *ebpf.CollectionOptions, kernel *btf.Spec) error {
	queued, err := argument(kernel, blockQueue, "bio", 0, 1)
	if err == nil {
		_, err = argument(kernel, blockComplete, "bio", 1)
	}
	if err == nil {
		_, err = argument(kernel, blockRequest, "request", 0)
	}
	if err != nil {
		p.refused = append(p.refused, Refusal{Block, err})
		return nil
	}
	spec, err := loadBlock()
	if err != nil {
		return fmt.Errorf("reading the programs of block devices: %w", err)
	}
	if err := p.has.fit(spec); err != nil {
		return err
	}
	if err := spec.LoadAndAssign(&p.block, replacementsOf(spec, shared)); err != nil {
		return fmt.Errorf("loading the programs of block devices: %w", err)
	}
	p.requestQueued = p.block.RequestQueued
	if queued == 1 {
		p.requestQueued = p.block.RequestQueuedSecond
	}
	return nil
}

// argument is which one of a tracepoint is a pointer to a structure, of those that it
// may be, by the type that the kernel has for the tracepoint
// (include/trace/bpf_probe.h): a function whose first argument is none of its own.
func argument(kernel *btf.Spec, tracepoint, structure string, known ...int) (int, error) {
	var named *btf.Typedef
	if err := kernel.TypeByName("btf_trace_"+tracepoint, &named); err != nil {
		return 0, fmt.Errorf("the kernel has no tracepoint %s: %w", tracepoint, err)
	}
	if pointer, ok := named.Type.(*btf.Pointer); ok {
		if function, ok := pointer.Target.(*btf.FuncProto); ok {
			for _, at := range known {
				if at+1 < len(function.Params) && pointsTo(function.Params[at+1].Type, structure) {
					return at, nil
				}
			}
		}
	}
	return 0, fmt.Errorf("the kernel's tracepoint %s has other arguments than are known", tracepoint)
}

func pointsTo(t btf.Type, structure string) bool {
	pointer, ok := t.(*btf.Pointer)
	if !ok {
		return false
	}
	target, ok := pointer.Target.(*btf.Struct)
	return ok && target.Name == structure
}
