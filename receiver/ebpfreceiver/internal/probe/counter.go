// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import "fmt"

// Counter is something that the BPF programs count: enum counter of
// bpf/headers/counters.h.
type Counter uint32

// The counters. StackUnreadable and StackDeep count samples of which a part was
// not delivered, LooksTaken and LooksUnreadable what was done besides, Records what
// was delivered; all others what was not.
const (
	DroppedBufferFull Counter = iota
	DroppedGoroutinesFull
	DroppedThreadsFull
	DroppedSpansNested
	UnfinishedSpans
	EndedElsewhere
	SampledOut
	UnsupportedHTTP2
	OutsideOfSpan
	DroppedConnectionsFull
	DroppedStreamsFull
	DroppedSamplesFull
	DroppedChildrenFull
	DroppedCriticalsFull
	ProfileBufferFull
	StackUnreadable
	StackDeep
	DroppedQueryTextsFull
	DroppedSetupsFull
	DroppedScratchBusy
	DroppedSpansUnreadable
	DroppedBlockWaitsFull
	DroppedDiskRequestsFull
	DroppedDisksFull
	DroppedSignalsFull
	LooksTaken
	LooksUnreadable
	Records
	numCounters
)

// String is the reason as the receiver's telemetry names it.
func (c Counter) String() string {
	switch c {
	case DroppedBufferFull:
		return "buffer_full"
	case DroppedGoroutinesFull:
		return "goroutines_full"
	case DroppedThreadsFull:
		return "threads_full"
	case DroppedSpansNested:
		return "spans_nested"
	case UnfinishedSpans:
		return "span_unfinished"
	case EndedElsewhere:
		return "span_ended_elsewhere"
	case SampledOut:
		return "sampled_out"
	case UnsupportedHTTP2:
		return "http2_unsupported"
	case OutsideOfSpan:
		return "outside_of_span"
	case DroppedConnectionsFull:
		return "connections_full"
	case DroppedStreamsFull:
		return "streams_full"
	case DroppedSamplesFull:
		return "samples_full"
	case DroppedChildrenFull:
		return "children_full"
	case DroppedCriticalsFull:
		return "criticals_full"
	case ProfileBufferFull:
		return "profile_buffer_full"
	case StackUnreadable:
		return "stack_unreadable"
	case StackDeep:
		return "stack_deep"
	case DroppedQueryTextsFull:
		return "query_texts_full"
	case DroppedSetupsFull:
		return "setups_full"
	case DroppedScratchBusy:
		return "scratch_busy"
	case DroppedSpansUnreadable:
		return "span_unreadable"
	case DroppedBlockWaitsFull:
		return "block_waits_full"
	case DroppedDiskRequestsFull:
		return "disk_requests_full"
	case DroppedDisksFull:
		return "disks_full"
	case DroppedSignalsFull:
		return "signals_full"
	case LooksTaken:
		return "looks"
	case LooksUnreadable:
		return "looks_unreadable"
	case Records:
		return "records"
	default:
		return fmt.Sprintf("counter(%d)", uint32(c))
	}
}

// Counters reads all counters, summed over CPUs.
func (p *Programs) Counters() (map[Counter]uint64, error) {
	sums := make(map[Counter]uint64, numCounters)
	var perCPU []uint64
	for c := range numCounters {
		if err := p.spans.Counters.Lookup(uint32(c), &perCPU); err != nil {
			return nil, fmt.Errorf("reading the counter %s: %w", c, err)
		}
		for _, n := range perCPU {
			sums[c] += n
		}
	}
	return sums, nil
}
