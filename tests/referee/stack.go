// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"iter"
	"strings"

	"golang.org/x/exp/trace"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// waiting is the cause for which a goroutine parks, by the tracer's reason and
// the functions on its stack, innermost first.
func waiting(reason string, functions iter.Seq[string]) ledger.Cause {
	switch reason {
	case "network":
		return ledger.BlockedNetwork
	case "chan send", "chan receive":
		return ledger.BlockedChannel
	case "select":
		if anyOf(functions, awaitsNetwork) {
			return ledger.BlockedNetwork
		}
		return ledger.BlockedSelect
	case "sync":
		switch {
		case anyOf(functions, awaitsCollector):
			return ledger.GCAssist
		case anyOf(functions, locksMutex):
			return ledger.BlockedMutex
		default:
			return ledger.BlockedSync
		}
	case "sync.(*Cond).Wait":
		return ledger.BlockedSync
	case "sleep":
		return ledger.Sleep
	case "GC mark assist wait for work", "wait until GC ends":
		return ledger.GCAssist
	case "preempted":
		return ledger.Runnable
	default:
		return ledger.Unattributed
	}
}

// syscallClass tells file from network by who made the system call: the trace
// does not have its number. What comes neither from os nor net is other.
func syscallClass(functions iter.Seq[string]) ledger.Cause {
	class := ledger.SyscallOther
	for function := range functions {
		switch {
		case strings.HasPrefix(function, "net.("):
			return ledger.SyscallNetwork
		case isFileDescriptorOnly(function), isFileFunction(function):
			return ledger.SyscallFile
		}
	}
	return class
}

// isFileDescriptorOnly knows the methods of internal/poll.FD that sockets lack.
func isFileDescriptorOnly(function string) bool {
	method, ok := strings.CutPrefix(function, "internal/poll.(*FD).")
	if !ok {
		return false
	}
	switch method {
	case "Fsync", "Pread", "Pwrite", "Ftruncate", "Fchmod", "Fstat", "ReadDirent", "Seek":
		return true
	default:
		return false
	}
}

// isFileFunction knows package os, except what it does with processes.
func isFileFunction(function string) bool {
	name, ok := strings.CutPrefix(function, "os.")
	if !ok {
		return false
	}
	return !strings.HasPrefix(name, "(*Process)") && !strings.EqualFold(name, "startProcess")
}

// awaitsNetwork knows the functions of clients that select until their
// connection's reader goroutine hands an answer over, or until the goroutine
// that dials hands a connection over.
func awaitsNetwork(function string) bool {
	if rest, ok := strings.CutPrefix(function, "google.golang.org/grpc/internal/transport."); ok {
		return strings.Contains(rest, "recvBufferReader).") || strings.Contains(rest, "Stream).waitOnHeader")
	}
	for _, prefix := range []string{
		"net/http.(*persistConn).roundTrip",
		"net/http.(*Transport).getConn",
		"net/http.(*http2ClientConn).roundTrip",
		"net/http.(*http2ClientConn).RoundTrip",
		"net/http/internal/http2.(*ClientConn).roundTrip",
		"net/http/internal/http2.(*ClientConn).RoundTrip",
		"golang.org/x/net/http2.(*ClientConn).roundTrip",
		"golang.org/x/net/http2.(*ClientConn).RoundTrip",
	} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}

// awaitsCollector knows the functions of the collector that wait for its
// semaphores on the goroutine that allocates, outside of mark assists too.
func awaitsCollector(function string) bool {
	return function == "runtime.gcStart" || function == "runtime.gcMarkDone" || function == "runtime.gcAssistAlloc"
}

func locksMutex(function string) bool {
	return strings.HasPrefix(function, "sync.(*Mutex).") ||
		strings.HasPrefix(function, "sync.(*RWMutex).") ||
		strings.HasPrefix(function, "internal/sync.(*Mutex).")
}

func anyOf(functions iter.Seq[string], is func(string) bool) bool {
	for function := range functions {
		if is(function) {
			return true
		}
	}
	return false
}

// functionsOf lists the functions on a stack, innermost first.
func functionsOf(stack trace.Stack) iter.Seq[string] {
	return func(yield func(string) bool) {
		for frame := range stack.Frames() {
			if !yield(frame.Func) {
				return
			}
		}
	}
}
