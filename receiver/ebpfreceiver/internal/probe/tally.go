// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/tally"
)

// diskKey is struct disk_key of bpf/headers/disk.h.
type diskKey struct {
	TGID   uint32
	Kind   uint32
	Device [32]byte
}

// Of enum disk_sum_kind.
const (
	diskWrite = 1
	diskWait  = 2
)

// signalKey is struct signal_key of bpf/signals.
type signalKey struct {
	TGID             uint32
	Number, Preempts uint16
}

// Tallies reads what the programs count of all processes, by process ID, since they
// were attached.
func (p *Programs) Tallies() (map[int]*tally.Reading, error) {
	all := map[int]*tally.Reading{}
	of := func(tgid uint32) *tally.Reading {
		r := all[int(tgid)]
		if r == nil {
			r = &tally.Reading{Requests: map[tally.Disk]tally.Sum{}, Signals: map[tally.Signal]uint64{}}
			all[int(tgid)] = r
		}
		return r
	}
	disks := visit(p.scheduler.DiskSums, func(key diskKey, sum *schedulerDiskSum) {
		r := of(key.TGID)
		told := tally.Sum{Count: sum.Count, Bytes: sum.Bytes, Time: time.Duration(sum.Time)}
		if key.Kind == diskWait {
			r.Waits = told
			return
		}
		device, _, _ := bytes.Cut(key.Device[:], []byte{0})
		r.Requests[tally.Disk{Device: string(device), Write: key.Kind == diskWrite}] = told
	})
	signals := visit(p.signals.Signals, func(key signalKey, n *uint64) {
		of(key.TGID).Signals[tally.Signal{Number: syscall.Signal(key.Number), Preempts: key.Preempts != 0}] = *n
	})
	if err := errors.Join(disks, signals); err != nil {
		return nil, fmt.Errorf("reading what the programs count: %w", err)
	}
	return all, nil
}

// forgetTally removes what was counted of the process.
func (a *Attachment) forgetTally() error {
	_, disks := forgetOwn(a.programs.scheduler.DiskSums, func(key diskKey, _ *schedulerDiskSum) bool { return key.TGID == a.pid })
	_, signals := forgetOwn(a.programs.signals.Signals, func(key signalKey, _ *uint64) bool { return key.TGID == a.pid })
	if err := errors.Join(disks, signals); err != nil {
		return fmt.Errorf("forgetting what was counted of process %d: %w", a.pid, err)
	}
	return nil
}
