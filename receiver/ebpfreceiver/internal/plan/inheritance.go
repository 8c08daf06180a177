// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// systemStarts are the functions with which the runtime starts goroutines of its
// own while others run: all go statements of src/runtime that are not executed
// as the program starts, in Go 1.21 to 1.27. A go statement with arguments has a
// function of its own, gowrap.
func systemStarts() []string {
	return []string{
		"runtime.gcBgMarkWorker",               // to Go 1.22
		"runtime.gcBgMarkStartWorkers.gowrap1", // from Go 1.23 on
		"runtime.runfinq",                      // to Go 1.24
		"runtime.runFinalizers",                // from Go 1.25 on
		"runtime.runCleanups",
		"runtime.ensureSigM.func1",
		"runtime.(*traceAdvancerState).start.func1",
		"runtime.traceStartReadCPU.func1",
		"runtime.unique_runtime_registerUniqueMapCleanup.gowrap1", // Go 1.23 and 1.24
	}
}

// inheritance is seen where the runtime queues a new goroutine: in the closure of
// newproc, which calls newproc1 and, with what that returns, runqput. It needs to
// see goroutines end, so that none inherits at the address of another.
func (m *maker) inheritance() {
	p := m.plan
	if !p.beginsSpans() {
		return
	}
	if !p.Has(GoroutineEnds) && !p.Has(GoroutineStatus) {
		m.refuse(Inheritance, errors.New("the end of goroutines cannot be seen"))
		return
	}
	at, err := m.onlyCall("runtime.newproc.func1", "runtime.runqput")
	if err != nil {
		m.refuse(Inheritance, err)
		return
	}
	o := &p.Offsets
	if !m.goroutineID(Inheritance) || !m.offsets(Inheritance,
		want{goexec.Field{Type: "runtime.g", Name: "startpc"}, &o.StartPC},
		want{goexec.Field{Type: "runtime.g", Name: "m"}, &o.GoroutineM},
		want{goexec.Field{Type: "runtime.m", Name: "curg"}, &o.CurrentG}) {
		return
	}
	for _, name := range systemStarts() {
		if f, err := m.binary.Function(name); err == nil {
			p.SystemStarts = append(p.SystemStarts, f.Addr)
		}
	}
	p.Probes[GoroutineCreated] = at
}

// onlyCall is the file offset of the call, which the kernel emulates, of callee in
// caller: there is one and no other.
func (m *maker) onlyCall(caller, callee string) (uint64, error) {
	from, err := m.binary.Function(caller)
	if err != nil {
		return 0, err
	}
	to, err := m.binary.Function(callee)
	if err != nil {
		return 0, err
	}
	calls, err := m.binary.CallSites(from, to)
	if err != nil {
		return 0, err
	}
	if len(calls) != 1 {
		return 0, fmt.Errorf("%s calls %s at %d places, not at one", caller, callee, len(calls))
	}
	return calls[0], nil
}
