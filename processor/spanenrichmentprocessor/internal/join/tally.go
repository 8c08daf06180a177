// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

// Kind is a kind of record.
type Kind uint8

const (
	// KindLedger is fathom.span.ledger.
	KindLedger Kind = iota
	// KindFile is fathom.file.open, read, write and fsync.
	KindFile
	// KindNetwork is fathom.network.connect.
	KindNetwork
	// KindScheduler is fathom.scheduler.run_queue.
	KindScheduler
	// KindSetup is fathom.dns.lookup and fathom.tls.handshake.
	KindSetup
	// KindCycle is fathom.go.gc.cycle.
	KindCycle
	// KindStop is fathom.go.stop_the_world.
	KindStop
	// KindThrottle is fathom.cgroup.throttled.
	KindThrottle
	// NumKinds is the number of kinds.
	NumKinds = 8

	firstFact = KindCycle // the kinds from here on are facts, those before it but the ledger events
	numFacts  = NumKinds - int(firstFact)
)

// String is the kind's name in metrics.
func (k Kind) String() string {
	return [NumKinds]string{"ledger", "file", "network", "scheduler", "setup", "gc_cycle", "stop_the_world", "throttle"}[k]
}

// IsEvent tells whether records of the kind become span events.
func (k Kind) IsEvent() bool { return k > KindLedger && k < firstFact }

// Key is the key by which a record was joined.
type Key uint8

const (
	// BySpan joins by trace ID and span ID.
	BySpan Key = iota
	// ByGoroutine joins by trace ID, process, goroutine and time.
	ByGoroutine
	// ByProcess joins by process and time.
	ByProcess
	// NumKeys is the number of keys.
	NumKeys = 3
)

// String is the key's name in metrics.
func (k Key) String() string {
	return [NumKeys]string{"span", "goroutine", "process"}[k]
}

// Reason says why a record joined no span. It is lost by none of them: the logs
// pipeline passed it on.
type Reason uint8

const (
	// Unmatched records expired before a span of theirs came.
	Unmatched Reason = iota
	// Late records came after their span had left.
	Late
	// Memory: the oldest records make room for new ones.
	Memory
	// Duplicate: the same record is there already.
	Duplicate
	// Invalid records lack what their kind must have.
	Invalid
	// NoTrace: an event from outside of any span. There is no span to join.
	NoTrace
	// SpanLimit: the span has MaxEvents longer events.
	SpanLimit
	// Shutdown: the store was closed before a span came.
	Shutdown
	// NumReasons is the number of reasons.
	NumReasons = 8
)

// String is the reason's name in metrics.
func (r Reason) String() string {
	return [NumReasons]string{
		"unmatched", "late", "memory", "duplicate", "invalid", "no_trace", "span_limit", "shutdown",
	}[r]
}

// Departure says why a span that should wait for its ledger left.
type Departure uint8

const (
	// Joined: its ledger came.
	Joined Departure = iota
	// Waited as long as the configuration allows.
	Waited
	// NoRoom: held spans fill their share of the memory.
	NoRoom
	// Flushed because its pipeline shuts down.
	Flushed
	// NumDepartures is the number of departures.
	NumDepartures = 4
)

// String is the departure's name in metrics.
func (d Departure) String() string {
	return [NumDepartures]string{"joined", "wait", "memory", "shutdown"}[d]
}

// Tally counts what a store did since it was made. Each record that was
// received is, at any time, either matched, or unjoined, or still pending.
type Tally struct {
	Received [NumKinds]int64
	Matched  [NumKinds][NumKeys]int64
	Unjoined [NumKinds][NumReasons]int64
	Departed [NumDepartures]int64 // spans that waited or should have
	Pending  [NumKinds]int64      // stored and not yet joined to a span
	Stored   int64                // records in the store, joined ones too
	Held     int64                // spans that wait or are on their way downstream
	Bytes    int64                // of records, spans seen and spans held
}
