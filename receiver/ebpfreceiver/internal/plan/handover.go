// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// ChannelOffsets are where the runtime keeps what a goroutine waits for on a
// channel, in bytes.
type ChannelOffsets struct {
	Waiting, Param                uint16 // in runtime.g
	Channel, Success, Next        uint16 // in runtime.sudog
	Capacity, ElementSize, Closed uint16 // in runtime.hchan
}

// HandOvers are what tells that a goroutine takes work over a channel.
type HandOvers struct {
	// Receive, Send and Select are the runtime's wait reasons; Receive is 0 where
	// hand-overs are not followed.
	Receive, Send, Select uint8
	// Chanrecv is the runtime's function that receives, Sends the one that passes a
	// value to who waits for it, as linked.
	Chanrecv, Sends Range
}

// handOvers are seen by the probe on changes of state, with what inheritance needs.
func (m *maker) handOvers(version goVersion) {
	p := m.plan
	if !p.Has(GoroutineStatus) || !p.Has(GoroutineCreated) {
		return
	}
	if p.Offsets.SchedBP == Unknown {
		m.refuse(HandOver, errors.New("the stacks of parked goroutines cannot be read"))
		return
	}
	found, err := m.handOver()
	if err != nil {
		m.refuse(HandOver, err)
		return
	}
	channel := "c"
	if !version.less(1, 26) {
		channel = "c.maybeTraceablePtr.vu"
	}
	o := &p.Offsets.Channel
	if m.offsets(HandOver,
		want{goexec.Field{Type: "runtime.g", Name: "waiting"}, &o.Waiting},
		want{goexec.Field{Type: "runtime.g", Name: "param"}, &o.Param},
		want{goexec.Field{Type: "runtime.sudog", Name: channel}, &o.Channel},
		want{goexec.Field{Type: "runtime.sudog", Name: "success"}, &o.Success},
		want{goexec.Field{Type: "runtime.sudog", Name: "waitlink"}, &o.Next},
		want{goexec.Field{Type: "runtime.hchan", Name: "dataqsiz"}, &o.Capacity},
		want{goexec.Field{Type: "runtime.hchan", Name: "elemsize"}, &o.ElementSize},
		want{goexec.Field{Type: "runtime.hchan", Name: "closed"}, &o.Closed}) {
		p.HandOvers = found
	}
}

func (m *maker) handOver() (HandOvers, error) {
	receives, err := m.binary.Function("runtime.chanrecv")
	if err != nil {
		return HandOvers{}, err
	}
	sends, err := m.binary.Function("runtime.send")
	if err != nil {
		return HandOvers{}, err
	}
	reasons, err := m.binary.WaitReasons()
	if err != nil {
		return HandOvers{}, err
	}
	found := HandOvers{
		Chanrecv: Range{Begin: receives.Addr, End: receives.Addr + receives.Size},
		Sends:    Range{Begin: sends.Addr, End: sends.Addr + sends.Size},
	}
	for reason, text := range reasons {
		switch text {
		case "chan receive":
			found.Receive = reason
		case "chan send":
			found.Send = reason
		case "select":
			found.Select = reason
		}
	}
	if found.Receive == 0 || found.Send == 0 || found.Select == 0 {
		return HandOvers{}, errors.New("the wait reasons of channels are not known")
	}
	return found, nil
}
