// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package report answers from ClickHouse why the slowest requests were slow.
// Reader asks by SQL, Render prints what it was told, Missing says what a report
// lacks.
package report

import (
	"time"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// Report is what is printed.
type Report struct {
	// Stored rows since the load began.
	Spans, Logs, Points uint64
	// Traces are the slowest ones, those of different causes first.
	Traces []Trace
	// Routes of the services' servers.
	Routes []Route
	// Runtimes of the services.
	Runtimes []Runtime
}

// Trace is one request.
type Trace struct {
	ID string
	// Roots are the spans without a parent in the trace: one, if all came.
	Roots []*Span
}

// Span is one with its time ledger.
type Span struct {
	TraceID, ID, ParentID  string
	Name, Kind, Service    string
	Start                  time.Time
	Duration               time.Duration
	Maker                  Maker
	Failed                 bool
	HasLedger              bool
	Ledger                 ledger.Ledger
	GCOverlap, StopOverlap time.Duration
	GCCycle                uint64
	Files                  []File
	Children               []*Span
}

// Maker is who made a span.
type Maker string

const (
	// SDK is the OpenTelemetry SDK in the process.
	SDK Maker = "OTel SDK"
	// Fathom is the eBPF receiver.
	Fathom Maker = "Fathom"
)

// File is what a span did to one file.
type File struct {
	// Operation is open or fsync.
	Operation, Path string
	Times           uint64
	Duration        time.Duration
}

// Route is what a service's server did on one route.
type Route struct {
	Service, Name string
	Maker         Maker
	Count         uint64
	// WithoutLedger is how many spans have none.
	WithoutLedger uint64
	P50, P99      time.Duration
	// Ledger is the sum over all spans.
	Ledger ledger.Ledger
}

// Runtime is what the Go runtime of a service's process said last.
type Runtime struct {
	Service string
	// HeapBytes is the memory that Go uses but for stacks.
	HeapBytes, Goroutines float64
	// Allocated bytes since the process began.
	AllocatedBytes float64
	// ScheduleP99 is the time for which 99 of 100 goroutines that were ready
	// waited at most.
	ScheduleP99 time.Duration
	// Series is how many time series the runtime has.
	Series uint64
}
