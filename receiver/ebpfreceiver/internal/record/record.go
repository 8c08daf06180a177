// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package record holds what the BPF programs tell, as they tell it: the layout
// is bpf/headers/records.h, and a test compares the two by the objects' BTF.
// Times are nanoseconds of CLOCK_MONOTONIC.
package record

import (
	"syscall"
	"time"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// Record is a *Request, *RPC, *Client, *RPCClient, *SQL, *Lookup, *Handshake, *Span, *Stop, *File, *Connect,
// *Retransmit, *Traffic, *RunQueue, *BlockWait, *Sample or *SDKSpan.
type Record interface {
	// Process is the ID of the process that the record is about.
	Process() int
}

// Header is what all records begin with. Where an identity is unknown, it is zero.
type Header struct {
	PID, TID    uint32
	GoroutineID uint64
	Start, End  uint64
	TraceID     [16]byte
	SpanID      [8]byte
	ParentID    [8]byte
	// Inherited: the goroutine was in no span of its own. The identity, or the
	// parent of a request that it sent, is the span in which it was started.
	Inherited Inherited
}

// Inherited says what became of the span that a goroutine inherits.
type Inherited uint32

// As enum inherited numbers them.
const (
	// InheritedNot: the span is the goroutine's own.
	InheritedNot Inherited = iota
	// InheritedOpen: it had not ended.
	InheritedOpen
	// InheritedEnded: it had; there is a trace ID and no span ID.
	InheritedEnded
)

// String is what telemetry says of it, "" of a span of one's own.
func (i Inherited) String() string {
	switch i {
	case InheritedOpen:
		return "open"
	case InheritedEnded:
		return "ended"
	default:
		return ""
	}
}

// Process is the ID of the process that the record is about.
func (h *Header) Process() int { return int(h.PID) }

// Span is the end of a span that an OpenTelemetry SDK in the process made.
type Span struct {
	Header
	// Ledger splits End - Start, where Exact or Sampled.
	Ledger ledger.Ledger
	Exact  bool
	// Sampled: the ledger was made by looking at the goroutine, Looks times. Where
	// that is 0, all of it is unattributed.
	Sampled bool
	Looks   int
	// Goroutines that were started within the span, and by these.
	Goroutines int
	// HandOvers are the values that goroutines took over a channel as its work.
	HandOvers int
	// Critical is zero where none of them ended a wait of the span's own goroutine,
	// or that was not seen.
	Critical Critical
	// AllocatedBytes is an estimate by the AllocationSamples that the runtime took
	// of what the span's goroutine allocated in it.
	AllocatedBytes, AllocationSamples uint64
	// Assists is how often the span's goroutine marked for the garbage collector, 0
	// where the ledger is not Exact.
	Assists int
	// BlockWait is for how long the thread of the span's goroutine waited for block
	// devices.
	BlockWait time.Duration
}

// Critical is, of the goroutines that inherit a span, the one that ended the
// longest wait of the span's own goroutine.
type Critical struct {
	GoroutineID uint64
	// Wait is for how long the span's goroutine had waited.
	Wait time.Duration
	// Ledger is of the critical goroutine, from its start, or from when it took the
	// work, to the end of that wait.
	Ledger ledger.Ledger
}

// Source says how the ledger was obtained; false where there is none.
func (s *Span) Source() (ledger.Source, bool) {
	if s.Exact {
		return ledger.Exact, true
	}
	return ledger.Sampled, s.Sampled
}

// Request is the end of a request on an HTTP server for which no SDK in the
// process was asked for a span.
type Request struct {
	Span
	// Aborted: the goroutine ended before the response was finished: its
	// handler panicked. Status and Route are unknown.
	Aborted bool
	// Hijacked: the handler took the connection over, as for a WebSocket, and
	// has ended. Status and Route are unknown.
	Hijacked bool
	Status   int
	Method   string
	// Path is cut at 127 bytes.
	Path string
	// Route is the pattern that a ServeMux matched, "" where there was none.
	Route string
	// Major is HTTP's version, Minor that of HTTP/1.x; -1 where unknown.
	Major int
	Minor int
	// UserAgent and Accept are the header fields of a request for /metrics, cut
	// at 63 bytes; "" of others.
	UserAgent, Accept string
}

// Stop is one stop of all goroutines of a process.
type Stop struct {
	Header
	// Stopped is when the last P had stopped, 0 where the runtime does not tell.
	Stopped uint64
	Reason  StopReason
	// GCCycle counts the process's garbage collections, 0 where unknown.
	GCCycle uint32
	// Marking: the collector still marks as the world starts again.
	Marking bool
}

// FileOperation is what was done with a file.
type FileOperation uint32

// The operations, as enum file_operation numbers them.
const (
	FileOpen  FileOperation = 1
	FileFsync FileOperation = 2
	FileRead  FileOperation = 3
	FileWrite FileOperation = 4
)

// File is one slow operation on a file.
type File struct {
	Header
	Operation FileOperation
	// Error is 0 on success.
	Error syscall.Errno
	// Path is absolute within the process's mount namespace where the file was
	// open, else as the program gave it. One that did not fit begins with …/.
	Path string
	// Bytes that a read or write moved.
	Bytes uint64
}
