// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package events names the log records that carry what the eBPF receiver saw,
// and their attributes. The receiver writes them, the span_enrichment processor
// reads them, docs/telemetry.md lists them: a test compares that page with this
// package. All records carry Timestamp (the end of what they tell), EventName,
// TraceID and SpanID where they are known, and the resource of the process.
package events

const (
	// SpanLedger carries the time ledger (internal/ledger) of a span that an
	// OpenTelemetry SDK in the process made. TraceID and SpanID are that span's.
	SpanLedger = "fathom.span.ledger"
	// StopTheWorld is one stop of all goroutines of a process.
	StopTheWorld = "fathom.go.stop_the_world"
	// GCCycle is one garbage collection, from its first stop to its last.
	GCCycle = "fathom.go.gc.cycle"
	// GCCondition tells that a condition of gc.conditions holds.
	GCCondition = "fathom.go.gc.condition"
	// GoroutineLeak is a group of goroutines of a process that leaks.
	GoroutineLeak = "fathom.go.goroutine.leak"
	// GoroutineGroup is one of the largest groups of a process's goroutines.
	GoroutineGroup = "fathom.go.goroutine.group"
	// FileOpen is an open of a file that took at least events.file.min_duration.
	FileOpen = "fathom.file.open"
	// FileFsync is an fsync or fdatasync that took at least events.file.min_duration.
	FileFsync = "fathom.file.fsync"
	// FileRead is a read of a regular file that took at least events.file.min_duration.
	FileRead = "fathom.file.read"
	// FileWrite is a write to a regular file that took at least events.file.min_duration.
	FileWrite = "fathom.file.write"
	// NetworkConnect is an attempt to open a TCP connection that failed or took
	// at least events.network.min_duration.
	NetworkConnect = "fathom.network.connect"
	// Lookup is a look-up of a name that failed or took at least
	// events.dns.min_duration.
	Lookup = "fathom.dns.lookup"
	// Handshake is one of TLS that failed or took at least events.tls.min_duration.
	Handshake = "fathom.tls.handshake"
	// NetworkRetransmit is a TCP segment that was sent again. TraceID and SpanID
	// are those of the span in which its bytes were written.
	NetworkRetransmit = "fathom.network.retransmit"
	// RunQueue is a wait of the thread of a goroutine in a span for a CPU, of at
	// least events.scheduler.min_duration.
	RunQueue = "fathom.scheduler.run_queue"
	// BlockWait is a wait of a thread for a block device of at least
	// events.block.min_duration.
	BlockWait = "fathom.block.wait"
	// CgroupThrottled tells that a cgroup of the process had used up its CPU time
	// and was stopped, some time between two readings.
	CgroupThrottled = "fathom.cgroup.throttled"
	// PageFaults tells that the process had at least events.page_faults.min_major
	// major page faults between two readings.
	PageFaults = "fathom.process.page_faults"
	// SignalStorm tells that at least events.signals.min_count of one signal were
	// delivered to the process between two readings.
	SignalStorm = "fathom.process.signal_storm"
)

const (
	// Duration of what the record tells, in nanoseconds (int). The record's
	// Timestamp less this is its start.
	Duration = "fathom.duration"
	// GoroutineID of the goroutine that did it (int).
	GoroutineID = "fathom.goroutine.id"
	// Goroutines that were started within a span, and by these, on its ledger and
	// on the span (int).
	Goroutines = "fathom.goroutines"
	// HandOvers are the values that goroutines which were there already took over a
	// channel as work of a span, on its ledger and on the span (int).
	HandOvers = "fathom.hand_overs"
	// CriticalGoroutineID is, of the goroutines that were started within a span or
	// took work of it, the one that ended the longest wait of the span's own (int).
	CriticalGoroutineID = "fathom.critical.goroutine.id"
	// CriticalWait is how long that wait was, in nanoseconds (int).
	CriticalWait = "fathom.critical.wait"
	// CriticalAge is how long ago the critical goroutine had been started, or had
	// taken the work, then, in nanoseconds (int).
	CriticalAge = "fathom.critical.age"
	// What took that age, by cause, are attributes that begin with
	// ledger.CriticalPrefix; CriticalDominant is the cause that took most (string).
	CriticalDominant = "fathom.critical.dominant"
	// CriticalDominantTime is how much of it, in nanoseconds (int).
	CriticalDominantTime = "fathom.critical.dominant_time"
	// TraceInherited tells that the goroutine was in no span of its own: the trace
	// is that of the span in which it was started, itself or who started it, or
	// whose work it had taken. That span was open, or had ended (string).
	TraceInherited = "fathom.trace.inherited"
	// StopTheWorldReason is the runtime's name of the reason, such as
	// "GC mark termination" (string).
	StopTheWorldReason = "fathom.go.stop_the_world.reason"
	// StopTheWorldStopping is the part of Duration until the last P had
	// stopped, in nanoseconds (int).
	StopTheWorldStopping = "fathom.go.stop_the_world.stopping"
	// GCCycleNumber counts the process's collections from 1 (int), also on their
	// stops of the world. On a span: the last cycle that overlapped it.
	GCCycleNumber = "fathom.go.gc.cycle.number"
	// GCStopTheWorld is the time within a cycle for which the world was
	// stopped, in nanoseconds (int).
	GCStopTheWorld = "fathom.go.gc.stop_the_world"

	// GCAssists is how often a span's goroutine marked for the collector, on its
	// ledger and on the span (int).
	GCAssists = "fathom.go.gc.assists"

	// GCConditionRule is the key of the condition that is set: pause_over, cycles
	// or assist_percent (string).
	GCConditionRule = "fathom.go.gc.condition.rule"
	// GCConditionCount of stops of the world, collections or spans that the
	// condition counted (int).
	GCConditionCount = "fathom.go.gc.condition.count"
	// GCConditionWorst is the longest of these stops of the world, in nanoseconds
	// (int). StopTheWorldReason is its reason.
	GCConditionWorst = "fathom.go.gc.condition.worst_pause"
	// GCConditionAssist is the part of the spans' time that went to assists, in
	// percent (double).
	GCConditionAssist = "fathom.go.gc.condition.assist_percent"

	// GoroutineLeakRule is the rule of goroutines.leak that a leak breaks:
	// threshold or growth (string).
	GoroutineLeakRule = "fathom.go.goroutine.leak.rule"
	// GoroutineCount of the group (int).
	GoroutineCount = "fathom.go.goroutine.count"
	// TraceIDs in whose spans goroutines of a group that leaks were started: those
	// of the most goroutines, at most eight (string slice).
	TraceIDs = "fathom.trace_ids"
	// GoroutineTraces is the number of these traces in all (int).
	GoroutineTraces = "fathom.go.goroutine.traces"
	// GoroutineTraced is the number of goroutines of the group that were seen to be
	// started within a span (int).
	GoroutineTraced = "fathom.go.goroutine.traced"
	// GoroutineLive is the number of live goroutines of the process (int).
	GoroutineLive = "fathom.go.goroutine.live"
	// GoroutineGrowth is by how many goroutines the group has grown in Duration (int).
	GoroutineGrowth = "fathom.go.goroutine.growth"
	// GoroutineState is the runtime's wait reason, such as "chan receive", of
	// goroutines that wait, else their status, such as "running" (string).
	GoroutineState = "fathom.go.goroutine.state"
	// GoroutineAge is for how long the oldest of the group has been seen, in
	// nanoseconds (int).
	GoroutineAge = "fathom.go.goroutine.age"
	// GoroutineWait is for how long one of the group has been seen in its state
	// without having run, in nanoseconds (int).
	GoroutineWait = "fathom.go.goroutine.wait"
	// GoroutineParentID is the goroutine that created the oldest of the group (int).
	GoroutineParentID = "fathom.goroutine.parent.id"

	// FunctionName, CodeFilePath and LineNumber are the semantic conventions'
	// code.*: of the go statement that created the goroutines of a group.
	FunctionName = "code.function.name"
	CodeFilePath = "code.file.path"
	LineNumber   = "code.line.number"
	// Stacktrace is the semantic conventions' code.stacktrace, as Go prints it (string).
	Stacktrace = "code.stacktrace"

	// GCOverlap, on a span, is the time for which collections of its process
	// overlapped it, in nanoseconds (int).
	GCOverlap = "fathom.go.gc.overlap"
	// StopTheWorldOverlap, on a span, is the time for which the world of its
	// process was stopped while it lasted, in nanoseconds (int). The ledger's
	// stop_the_world counts only what the span's goroutine lost to it.
	StopTheWorldOverlap = "fathom.go.stop_the_world.overlap"
	// CgroupThrottledOverlap, on a span, is how much of it lay between two readings
	// in between which a cgroup of its process was throttled, in nanoseconds (int).
	CgroupThrottledOverlap = "fathom.cgroup.throttled.overlap"

	// BlockWaitTime, of a span, is for how long its goroutine's thread waited for
	// block devices, in nanoseconds (int).
	BlockWaitTime = "fathom.block.wait_time"
	// SignalName is the signal of a storm, such as SIGURG (string).
	SignalName = "fathom.signal.name"
	// SignalCount of them in Duration (int).
	SignalCount = "fathom.signal.count"
	// SignalPreemptions is how many of them the Go runtime sent to preempt a
	// goroutine (int).
	SignalPreemptions = "fathom.signal.preemptions"

	// FileBytes that a read or write moved (int).
	FileBytes = "fathom.file.bytes"
	// NetworkPeerAddress is the semantic conventions' network.peer.address (string).
	NetworkPeerAddress = "network.peer.address"
	// NetworkPeerPort is the semantic conventions' network.peer.port (int).
	NetworkPeerPort = "network.peer.port"
	// NetworkTransport is the semantic conventions' network.transport: tcp (string).
	NetworkTransport = "network.transport"
	// NetworkType is the semantic conventions' network.type: ipv4 or ipv6 (string).
	NetworkType = "network.type"
	// CPU is the semantic conventions' cpu.logical_number (int).
	CPU = "cpu.logical_number"

	// CgroupPath of the cgroup in its hierarchy (string). It may be one above the
	// process's own: its limit is for all below.
	CgroupPath = "fathom.cgroup.path"
	// ThrottledPeriods in which the cgroup was stopped (int).
	ThrottledPeriods = "fathom.cgroup.throttled.periods"
	// ThrottledTime for which it was stopped, in nanoseconds summed over CPUs (int).
	ThrottledTime = "fathom.cgroup.throttled.time"
	// MajorFaults are those that waited for a disk (int).
	MajorFaults = "fathom.process.page_faults.major"
	// MinorFaults are those that did not (int).
	MinorFaults = "fathom.process.page_faults.minor"

	// QuestionName is the semantic conventions' dns.question.name (string).
	QuestionName = "dns.question.name"
	// TLSProtocolName is the semantic conventions' tls.protocol.name (string).
	TLSProtocolName = "tls.protocol.name"
	// TLSProtocolVersion is the semantic conventions' tls.protocol.version (string).
	TLSProtocolVersion = "tls.protocol.version"
	// TLSRole of the process in a handshake: client or server (string).
	TLSRole = "fathom.tls.role"

	// FilePath is the semantic conventions' file.path (string).
	FilePath = "file.path"
	// ThreadID is the semantic conventions' thread.id (int).
	ThreadID = "thread.id"
	// ErrorType is the semantic conventions' error.type: for a failed system
	// call or connection attempt the errno's name, such as ENOENT (string). For
	// an attempt also given_up, where the program closed the socket first, and
	// _OTHER, where the errno was gone.
	ErrorType = "error.type"
)
