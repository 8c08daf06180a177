// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/exp/trace"

	"github.com/fathom-otel/fathom/internal/ledger"
)

func TestConditionCause(t *testing.T) {
	for _, test := range []struct {
		name string
		in   condition
		want ledger.Cause
	}{
		{"running", condition{state: trace.GoRunning}, ledger.OnCPU},
		{"running while another starts to stop the world", condition{state: trace.GoRunning, stopped: true}, ledger.OnCPU},
		{"stopping the world", condition{state: trace.GoRunning, stopping: true, stopped: true}, ledger.StopTheWorld},
		{"assisting", condition{state: trace.GoRunning, assisting: true}, ledger.GCAssist},
		{"stopping the world at the end of an assist", condition{state: trace.GoRunning, assisting: true, stopping: true, stopped: true}, ledger.StopTheWorld},
		{"runnable", condition{state: trace.GoRunnable}, ledger.Runnable},
		{"runnable while the world is stopped", condition{state: trace.GoRunnable, stopped: true}, ledger.StopTheWorld},
		{"preempted in an assist", condition{state: trace.GoRunnable, assisting: true}, ledger.Runnable},
		{"system call", condition{state: trace.GoSyscall, why: ledger.SyscallFile}, ledger.SyscallFile},
		{"system call while the world is stopped", condition{state: trace.GoSyscall, why: ledger.SyscallFile, stopped: true}, ledger.SyscallFile},
		{"waiting", condition{state: trace.GoWaiting, why: ledger.BlockedMutex}, ledger.BlockedMutex},
		{"waiting while the world is stopped", condition{state: trace.GoWaiting, why: ledger.BlockedMutex, stopped: true}, ledger.BlockedMutex},
		{"waiting in an assist", condition{state: trace.GoWaiting, why: ledger.BlockedSync, assisting: true}, ledger.GCAssist},
		{"parked as preempted", condition{state: trace.GoWaiting, why: ledger.Runnable}, ledger.Runnable},
		{"parked as preempted in an assist", condition{state: trace.GoWaiting, why: ledger.Runnable, assisting: true}, ledger.Runnable},
		{"parked as preempted while the world is stopped", condition{state: trace.GoWaiting, why: ledger.Runnable, stopped: true}, ledger.StopTheWorld},
		{"ended", condition{state: trace.GoNotExist}, ledger.Unattributed},
		{"not known", condition{state: trace.GoUndetermined}, ledger.Unattributed},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, test.in.cause())
		})
	}
}

func TestWaiting(t *testing.T) {
	for _, test := range []struct {
		reason string
		stack  []string
		want   ledger.Cause
	}{
		{"network", nil, ledger.BlockedNetwork},
		{"chan send", nil, ledger.BlockedChannel},
		{"chan receive", nil, ledger.BlockedChannel},
		{"select", []string{"main.main"}, ledger.BlockedSelect},
		{"select", []string{"net/http.(*persistConn).readLoop"}, ledger.BlockedSelect},
		{"select", []string{"net/http.(*persistConn).roundTrip", "net/http.(*Transport).roundTrip"}, ledger.BlockedNetwork},
		{"select", []string{"net/http.(*Transport).getConn", "net/http.(*Transport).roundTrip"}, ledger.BlockedNetwork},
		{"select", []string{"net/http.(*http2ClientConn).roundTrip", "main.main"}, ledger.BlockedNetwork},
		{"select", []string{"golang.org/x/net/http2.(*ClientConn).RoundTrip"}, ledger.BlockedNetwork},
		{"select", []string{"google.golang.org/grpc/internal/transport.(*recvBufferReader).readMessageHeaderClient"}, ledger.BlockedNetwork},
		{"select", []string{"google.golang.org/grpc/internal/transport.(*ClientStream).waitOnHeader"}, ledger.BlockedNetwork},
		{"select", []string{"google.golang.org/grpc/internal/transport.(*controlBuffer).get"}, ledger.BlockedSelect},
		{"chan receive", []string{"net/http.(*persistConn).roundTrip"}, ledger.BlockedChannel},
		{"sync", []string{"sync.(*Mutex).Lock", "main.main"}, ledger.BlockedMutex},
		{"sync", []string{"internal/sync.(*Mutex).lockSlow", "sync.(*Mutex).Lock"}, ledger.BlockedMutex},
		{"sync", []string{"sync.(*RWMutex).RLock"}, ledger.BlockedMutex},
		{"sync", []string{"sync.(*WaitGroup).Wait"}, ledger.BlockedSync},
		{"sync", []string{"internal/poll.(*fdMutex).rwlock"}, ledger.BlockedSync},
		{"sync", []string{"runtime.gcStart", "runtime.mallocgc", "main.main"}, ledger.GCAssist},
		{"sync", []string{"runtime.gcMarkDone", "runtime.gcAssistAlloc"}, ledger.GCAssist},
		{"sync", nil, ledger.BlockedSync},
		{"sync.(*Cond).Wait", nil, ledger.BlockedSync},
		{"sleep", nil, ledger.Sleep},
		{"GC mark assist wait for work", nil, ledger.GCAssist},
		{"wait until GC ends", nil, ledger.GCAssist},
		{"preempted", nil, ledger.Runnable},
		{"forever", nil, ledger.Unattributed},
		{"unspecified", nil, ledger.Unattributed},
		{"a reason of a later Go", nil, ledger.Unattributed},
	} {
		t.Run(test.reason, func(t *testing.T) {
			require.Equal(t, test.want, waiting(test.reason, slices.Values(test.stack)), "%v", test.stack)
		})
	}
}

func TestSyscallClass(t *testing.T) {
	for _, test := range []struct {
		stack []string
		want  ledger.Cause
	}{
		{[]string{"syscall.Pwrite", "internal/poll.(*FD).Pwrite", "main.main"}, ledger.SyscallFile},
		{[]string{"syscall.fsync", "internal/poll.(*FD).Fsync", "os.(*File).Sync"}, ledger.SyscallFile},
		{[]string{"syscall.write", "internal/poll.(*FD).Write", "os.(*File).Write"}, ledger.SyscallFile},
		{[]string{"syscall.openat", "os.open", "os.openFileNolog", "os.OpenFile"}, ledger.SyscallFile},
		{[]string{"syscall.read", "internal/poll.(*FD).Read", "net.(*netFD).Read", "net.(*conn).Read"}, ledger.SyscallNetwork},
		{[]string{"syscall.accept4", "internal/poll.(*FD).Accept", "net.(*netFD).accept"}, ledger.SyscallNetwork},
		{[]string{"syscall.forkExec", "os.startProcess", "os.StartProcess", "os/exec.(*Cmd).Start"}, ledger.SyscallOther},
		{[]string{"os.(*Process).blockUntilWaitable", "os.(*Process).Wait"}, ledger.SyscallOther},
		{[]string{"syscall.Nanosleep", "main.main"}, ledger.SyscallOther},
		{nil, ledger.SyscallOther},
	} {
		require.Equal(t, test.want, syscallClass(slices.Values(test.stack)), "%v", test.stack)
	}
}
