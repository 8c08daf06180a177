// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// known is a plan with some wait reasons; 0x80 is waitExecutes.
func known() *plan.Plan {
	p := &plan.Plan{Network: []plan.Range{{Begin: 1, End: 2}}, Collector: []plan.Range{{Begin: 3, End: 4}}}
	for i := range p.WaitCauses {
		p.WaitCauses[i] = uint8(ledger.Unattributed)
	}
	p.WaitCauses[1] = uint8(ledger.BlockedMutex)
	p.WaitCauses[2] = uint8(ledger.GCAssist) | 0x80
	p.WaitCauses[3] = uint8(ledger.BlockedSelect)
	return p
}

func TestCauses(t *testing.T) {
	for name, test := range map[string]struct {
		state  state
		want   ledger.Cause
		parked bool
	}{
		"ready":                        {state{status: 1}, ledger.Runnable, false},
		"preempted":                    {state{status: 9}, ledger.Runnable, false},
		"executing":                    {state{status: 2}, ledger.OnCPU, false},
		"moving its stack":             {state{status: 8}, ledger.OnCPU, false},
		"in a system call":             {state{status: 3, reason: 1}, ledger.SyscallFile, false},
		"waiting for a mutex":          {state{status: 4, reason: 1, bp: 1}, ledger.BlockedMutex, true},
		"assisting the collector":      {state{status: 4, reason: 2, bp: 1}, ledger.GCAssist, false},
		"in a select":                  {state{status: 4, reason: 3, bp: 1}, ledger.BlockedSelect, true},
		"its stack cannot be walked":   {state{status: 4, reason: 3}, ledger.BlockedSelect, false},
		"waiting for an unknown thing": {state{status: 4, reason: 9}, ledger.Unattributed, false},
	} {
		t.Run(name, func(t *testing.T) {
			cause, parked, ok := test.state.cause(known(), ledger.SyscallFile)
			require.True(t, ok)
			require.Equal(t, test.want, cause)
			require.Equal(t, test.parked, parked)
		})
	}
	for _, status := range []uint32{0, 6, 11, 77} {
		_, _, ok := state{status: status}.cause(known(), ledger.SyscallFile)
		require.False(t, ok, "status %d", status)
	}
}

func TestSuspects(t *testing.T) {
	p := known()
	for cause, want := range map[ledger.Cause]ledger.Cause{
		ledger.BlockedSelect: ledger.BlockedNetwork, ledger.BlockedChannel: ledger.BlockedNetwork,
		ledger.BlockedSync: ledger.GCAssist,
	} {
		becomes, code := suspect(p, cause)
		require.Equal(t, want, becomes)
		require.NotEmpty(t, code)
	}
	_, code := suspect(p, ledger.BlockedMutex)
	require.Empty(t, code)
}

func TestWindowsHoldAllFields(t *testing.T) {
	offsets := plan.Offsets{Status: 144, GoroutineID: 152, WaitReason: 176, SchedSP: 56, SchedBP: 96}
	for name, change := range map[string]func(*plan.Offsets){
		"as in Go 1.26":    func(*plan.Offsets) {},
		"no frame pointer": func(o *plan.Offsets) { o.SchedBP = plan.Unknown },
		"the other way":    func(o *plan.Offsets) { o.SchedBP, o.WaitReason, o.Status = 300, 8, 16 },
	} {
		t.Run(name, func(t *testing.T) {
			o := offsets
			change(&o)
			g := make([]byte, 512)
			want := state{id: 7, status: 4, reason: 9, sp: 0xc000}
			binary.LittleEndian.PutUint64(g[o.GoroutineID:], want.id)
			binary.LittleEndian.PutUint32(g[o.Status:], want.status|statusScan)
			binary.LittleEndian.PutUint64(g[o.SchedSP:], want.sp)
			g[o.WaitReason] = want.reason
			if o.SchedBP != plan.Unknown {
				want.bp = 0xd000
				binary.LittleEndian.PutUint64(g[o.SchedBP:], want.bp)
			}
			w := windowOf(o)
			require.Equal(t, want, w.decode(g[w.first:w.first+w.size]))
		})
	}
}

func TestWithin(t *testing.T) {
	code := []plan.Range{{Begin: 10, End: 20}, {Begin: 40, End: 50}}
	for address, want := range map[uint64]bool{10: false, 11: true, 20: true, 21: false, 45: true, 0: false} {
		require.Equal(t, want, within(address, code), address)
	}
}
