// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"math"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// sampling reads the states of goroutines that are in a span. It needs all that
// ledgers need but the probes on the scheduler, and to see goroutines end.
func (m *maker) sampling() {
	p := m.plan
	m.threadIdentity()
	if !p.beginsSpans() {
		return
	}
	if !p.Has(GoroutineEnds) {
		return // governing() said so
	}
	o := &p.Offsets
	if o.WaitReason == Unknown {
		reasons, err := m.binary.WaitReasons()
		if err != nil {
			m.refuse(Sampling, err)
			return
		}
		p.WaitCauses = waitCauses(reasons)
		m.parkedStacks()
	}
	p.Sampled = m.goroutineID(Sampling) && m.offsets(Sampling,
		want{goexec.Field{Type: "runtime.g", Name: "waitreason"}, &o.WaitReason},
		want{goexec.Field{Type: "runtime.g", Name: "atomicstatus"}, &o.Status})
}

// threadIdentity finds the goroutine that makes a system call.
func (m *maker) threadIdentity() {
	o := &m.plan.Offsets
	offset, err := m.binary.TLSOffset()
	if err == nil && (offset >= 0 || offset < math.MinInt32) {
		err = fmt.Errorf("thread-local g at byte %d is out of reach", offset)
	}
	if err != nil {
		m.refuse(ThreadIdentity, err)
		return
	}
	if m.goroutineID(ThreadIdentity) && m.offsets(ThreadIdentity,
		want{goexec.Field{Type: "runtime.g", Name: "m"}, &o.GoroutineM},
		want{goexec.Field{Type: "runtime.m", Name: "curg"}, &o.CurrentG}) {
		m.plan.TLSG = int32(offset)
	}
}
