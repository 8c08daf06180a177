// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
)

// Inherit takes over what another Attacher of the same programs has attached and
// learned. Neither runs. Each process stays attached as it is; once discovery
// finds it again, it gets the settings of the target that selects it now, and the
// observer is told. Those that are not found by when discovery has listed all are
// detached.
func (a *Attacher) Inherit(from *Attacher) {
	a.table, a.analyses, a.warned, a.attached = from.table, from.analyses, from.warned, from.attached
	from.attached = nil
	a.inherited = make(map[int]*discover.Process, len(a.attached))
	for p := range a.attached {
		a.inherited[p.PID] = p
	}
}

// Attached are the processes that are observed. Run must not be running.
func (a *Attacher) Attached() int { return len(a.attached) }

// takeUp goes on with a process that was inherited. It reports false where there
// is none: another that had the PID is detached.
func (a *Attacher) takeUp(p *discover.Process) bool {
	before, ok := a.inherited[p.PID]
	if !ok {
		return false
	}
	delete(a.inherited, p.PID)
	s := a.attached[before]
	var err error
	if !before.SameProgram(p) {
		err = errors.New("it is another process, or executes another file")
	} else if s.attachment != nil {
		err = s.attachment.Reconfigure(sampleRate(p), a.events, protocols(p))
	}
	if err != nil {
		a.logger.Info("A process is attached anew", zap.Int("pid", p.PID), zap.Error(err))
		a.stop(before)
		return false
	}
	delete(a.attached, before)
	a.attached[p] = s
	if s.attachment != nil {
		a.table.add(p, s.attachment.Plan())
	}
	a.logger.Info("Observing a process on", zap.Int("pid", p.PID), zap.String("service", p.ServiceName),
		zap.String("executable", p.Executable))
	for _, refusal := range s.refused {
		a.observer.Refused(p, refusal.Feature)
	}
	a.observer.TakenUp(before, p, s.attachment, s.layouts)
	return true
}

// settle detaches what was inherited and not found again.
func (a *Attacher) settle() {
	for _, p := range a.inherited {
		a.logger.Info("Observing a process no more", zap.Int("pid", p.PID), zap.String("executable", p.Executable))
		a.stop(p)
	}
	a.inherited = nil
}
