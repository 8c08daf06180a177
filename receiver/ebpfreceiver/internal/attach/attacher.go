// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"errors"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goruntime"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
)

// Reasons for which a process is not observed.
const (
	ReasonVanished = "vanished"      // it ended before its probes were in place
	ReasonAnalysis = "analysis"      // its executable could not be analysed
	ReasonProbes   = "probes"        // the kernel refused a probe
	ReasonNothing  = "nothing_found" // nothing in it can be observed
)

// Observer is told what becomes of the processes.
type Observer interface {
	// Attached tells of a process whose probes are in place, and how to read
	// its runtime: by the layout of its executable and its load bias.
	Attached(p *discover.Process, a *probe.Attachment, runtime *goruntime.Layout, bias uint64)
	// Detached tells how many of its spans and requests were still open.
	Detached(p *discover.Process, open int)
	Failed(p *discover.Process, reason string)
	Refused(p *discover.Process, feature plan.Feature)
}

// Attacher puts probes on processes and takes them off.
type Attacher struct {
	programs        *probe.Programs
	fileMinDuration time.Duration
	observer        Observer
	logger          *zap.Logger

	mail     *mailbox
	table    *Table
	analyses analyses
	attached map[*discover.Process]*probe.Attachment
	warned   failures
}

// New makes an Attacher for loaded programs. File operations shorter than
// fileMinDuration are not told; a negative one tells none.
func New(programs *probe.Programs, fileMinDuration time.Duration, observer Observer, logger *zap.Logger) *Attacher {
	return &Attacher{
		programs:        programs,
		fileMinDuration: fileMinDuration,
		observer:        observer,
		logger:          logger,
		mail:            newMailbox(),
		table:           newTable(),
		analyses:        analyses{},
		attached:        make(map[*discover.Process]*probe.Attachment),
		warned:          failures{},
	}
}

// Table knows the processes that were attached.
func (a *Attacher) Table() *Table { return a.table }

// Handle takes an event of discovery. It does not wait.
func (a *Attacher) Handle(e discover.Event) {
	if a.mail.put(e) {
		a.observer.Failed(e.Process, ReasonVanished)
	}
}

// Run attaches and detaches until ctx is done, then detaches all.
func (a *Attacher) Run(ctx context.Context) error {
	for {
		event, ok := a.mail.take(ctx)
		if !ok {
			return a.detachAll()
		}
		if event.Kind == discover.Started {
			a.start(event.Process)
		} else {
			a.stop(event.Process)
		}
	}
}

func (a *Attacher) start(p *discover.Process) {
	if reason, err := a.attach(p); err != nil {
		a.fail(p, reason, err)
	}
}

func (a *Attacher) attach(p *discover.Process) (reason string, err error) {
	executable, err := openExecutable(p.PID)
	if err != nil {
		return ReasonAnalysis, err
	}
	reason, err = a.attachTo(p, executable)
	if reason == ReasonAnalysis || reason == ReasonNothing {
		err = errors.Join(err, executable.Close())
	}
	return reason, err
}

// attachTo attaches to a process by its open executable, which is the
// attachment's from the moment when one is made.
func (a *Attacher) attachTo(p *discover.Process, executable *os.File) (reason string, err error) {
	analysed, fresh, err := a.analyses.of(executable)
	if err != nil {
		return ReasonAnalysis, err
	}
	a.tellRefusals(p, analysed, fresh) // whatever comes of it: it is fresh but once
	planned := analysed.plan
	if len(planned.Probes) == 0 {
		return ReasonNothing, errors.New("no probe has a proven place in it")
	}
	bias, err := loadBias(p.PID, executable)
	if err != nil {
		return ReasonAnalysis, err
	}
	a.table.add(p) // before the first record can come
	attachment, err := a.programs.Attach(probe.Target{
		PID:             p.PID,
		Executable:      executable,
		Bias:            bias,
		SampleRate:      sampleRate(p),
		FileMinDuration: a.fileMinDuration,
		Plan:            planned,
	}, probe.TierScheduler)
	if err != nil {
		a.table.end(p, time.Now())
		return ReasonProbes, err
	}
	a.attached[p] = attachment
	a.logger.Info("Observing a process", zap.Int("pid", p.PID), zap.String("service", p.ServiceName),
		zap.String("executable", p.Executable), zap.String("go", planned.GoVersion), zap.Int("probes", len(planned.Probes)))
	a.observer.Attached(p, attachment, analysed.runtime, bias)
	return "", nil
}

// tellRefusals logs what is left out once for an executable, and counts it for
// each process.
func (a *Attacher) tellRefusals(p *discover.Process, analysed analysis, fresh bool) {
	for _, refusal := range analysed.refusals() {
		a.observer.Refused(p, refusal.Feature)
		if fresh {
			a.logger.Warn("A feature is left out for an executable: what it needs is not proven for it",
				zap.String("feature", string(refusal.Feature)), zap.String("executable", p.Executable),
				zap.String("go", analysed.plan.GoVersion), zap.Error(refusal.Reason))
		}
	}
}

func (a *Attacher) fail(p *discover.Process, reason string, err error) {
	fields := []zap.Field{zap.Int("pid", p.PID), zap.String("executable", p.Executable), zap.Error(err)}
	if hasVanished(err) {
		a.observer.Failed(p, ReasonVanished)
		a.logger.Debug("A process ended before it could be observed", fields...)
		return
	}
	a.observer.Failed(p, reason)
	a.logger.Log(a.warned.level(failure{p.Executable, reason}), "A process cannot be observed", fields...)
}

func (a *Attacher) stop(p *discover.Process) {
	attachment, ok := a.attached[p]
	if !ok {
		return
	}
	delete(a.attached, p)
	a.table.end(p, time.Now())
	open, err := attachment.Close()
	if err != nil {
		a.logger.Warn("Detaching from a process", zap.Int("pid", p.PID), zap.Error(err))
	}
	a.observer.Detached(p, open)
}

func (a *Attacher) detachAll() error {
	var errs []error
	for p, attachment := range a.attached {
		open, err := attachment.Close()
		errs = append(errs, err)
		a.observer.Detached(p, open)
	}
	clear(a.attached)
	return errors.Join(errs...)
}

// sampleRate of a process that no target selects is that of all requests.
func sampleRate(p *discover.Process) uint32 {
	if p.TargetIndex == discover.NoTarget {
		return 1000
	}
	return uint32(p.Target.SampleRate)
}
