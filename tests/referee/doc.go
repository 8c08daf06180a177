// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package referee computes time ledgers from Go's own execution traces, so that
// the ledgers that Fathom observes from outside can be judged. The program under
// judgement marks its spans (package mark); Read follows the goroutine on which
// each span started and splits its time by cause; Compare says how far an
// observed ledger is off. The spans of an OpenTelemetry SDK are tasks of the trace
// too: these begin and end closer to the span than the marks, between which the
// SDK allocates, and so may assist the collector for milliseconds.
//
// # From the trace to causes
//
// The states and reasons are those of runtime/traceruntime.go of Go 1.26.
//
//	running                       on_cpu; in a mark assist gc_assist; while it stops the world stop_the_world
//	runnable, preempted           runnable; stop_the_world while the world is stopped
//	in a system call              syscall.file or .network by the stack, else syscall.other
//	waiting in a mark assist      gc_assist, whatever the reason
//	network                       blocked.network
//	select                        blocked.network under the clients of net/http and gRPC, else blocked.select
//	chan send, chan receive       blocked.channel
//	sync                          gc_assist under the collector, blocked.mutex under a Mutex or
//	                              RWMutex, else blocked.sync
//	sync.(*Cond).Wait             blocked.sync
//	sleep                         sleep
//	GC mark assist wait for work  gc_assist
//	wait until GC ends            gc_assist
//	anything else                 unattributed
//
// # What the tracer cannot see
//
// It knows goroutines, Ps and the runtime, but not the kernel. What it calls
// running, in a system call or in a mark assist may be a thread that waits for
// a CPU: os_runqueue in an observed ledger. And what it calls running includes
// the runtime's own system calls (futex, madvise), which an observer in the
// kernel sees: syscall.other. Compare therefore judges
//
//   - on_cpu and syscall.file + syscall.network: no more than the reference has;
//   - gc_assist: the reference lies between gc_assist and gc_assist + os_runqueue;
//   - executing, the sum of on_cpu, os_runqueue, all system calls and
//     gc_assist: equal to the reference's sum;
//   - every other cause: equal;
//
// each within Tolerance. The bound from above on each part and the equality of
// the sum leave an observed ledger no room to hide time among these causes,
// except in os_runqueue and syscall.other.
package referee
