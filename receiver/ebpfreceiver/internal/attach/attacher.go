// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"context"
	"errors"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/allocations"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goroutines"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goruntime"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
)

// Reasons for which a process is not observed.
const (
	ReasonVanished = "vanished"      // it ended before its probes were in place
	ReasonAnalysis = "analysis"      // its executable could not be analysed
	ReasonProbes   = "probes"        // the kernel refused a probe
	ReasonNothing  = "nothing_found" // nothing in it that is wanted can be observed
)

// Observer is told what becomes of the processes.
type Observer interface {
	// Attached tells of a process that is observed from now on: by probes,
	// unless the attachment is nil, and by reads of its memory, as far as these
	// are wanted, by the layouts.
	Attached(p *discover.Process, a *probe.Attachment, layouts Layouts)
	// TakenUp tells of a process that was observed as before, and is observed on as p.
	TakenUp(before, p *discover.Process, a *probe.Attachment, layouts Layouts)
	// Detached tells how many of its spans and requests were still open.
	Detached(p *discover.Process, open int)
	Failed(p *discover.Process, reason string)
	Refused(p *discover.Process, feature plan.Feature)
	// Analysed tells that an executable was met for the first time: the analysis
	// took memory, most of which is not needed any more.
	Analysed()
}

// Wanted says what is observed of processes.
type Wanted struct {
	// Probes, for traces and logs.
	Probes bool
	// Runtime metrics, which need none.
	Runtime bool
	// Goroutines, likewise.
	Goroutines bool
	// Allocations, which need none either.
	Allocations bool
	// Profiles, for which the BPF programs must know the process.
	Profiles bool
	// SDKSpans: the spans of SDKs are told whole, of processes whose target does
	// not say otherwise.
	SDKSpans bool
	// Looks make the ledgers that the probes cannot.
	Looks bool
}

// reads reports whether anything that is wanted is read out of the memory of an
// executable's processes.
func (w Wanted) reads(a analysis) bool {
	return w.Runtime && a.runtime.Any() || w.Goroutines && a.goroutines != nil || w.Allocations && a.allocations != nil
}

// Layouts say where a process keeps what is read out of its memory.
type Layouts struct {
	Runtime *goruntime.Layout
	// Goroutines is nil where they cannot be read.
	Goroutines *goroutines.Layout
	// Code is nil where it cannot be told what instructions are.
	Code *profile.Code
	// Allocations is nil where the heap profile cannot be read; else there is Code.
	Allocations *allocations.Layout
	// Bias is where the executable was loaded, less where it was linked.
	Bias uint64
}

// subject is what is known of an observed process.
type subject struct {
	attachment *probe.Attachment // nil where only its memory is read
	layouts    Layouts
	refused    []plan.Refusal
}

// Attacher puts probes on processes and takes them off.
type Attacher struct {
	programs *probe.Programs
	wanted   Wanted
	events   probe.Events
	tier     func(*plan.Plan) probe.Tier
	observer Observer
	logger   *zap.Logger

	mail     *mailbox
	table    *Table
	analyses analyses
	// attached are the observed processes.
	attached map[*discover.Process]subject
	// inherited are those of attached that another Attacher left, by PID, until
	// discovery finds them again.
	inherited map[int]*discover.Process
	warned    failures
}

// New makes an Attacher for loaded programs, which tell the events of all
// processes. The tier is the one that a process with that plan begins with.
func New(programs *probe.Programs, wanted Wanted, events probe.Events, tier func(*plan.Plan) probe.Tier, observer Observer, logger *zap.Logger) *Attacher {
	return &Attacher{
		programs: programs,
		wanted:   wanted,
		events:   events,
		tier:     tier,
		observer: observer,
		logger:   logger,
		mail:     newMailbox(),
		table:    newTable(),
		analyses: analyses{},
		attached: make(map[*discover.Process]subject),
		warned:   failures{},
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

// Run attaches and detaches until ctx is done. What is attached then stays so,
// until Close, or for an Attacher that inherits it.
func (a *Attacher) Run(ctx context.Context) error {
	for {
		event, ok := a.mail.take(ctx)
		if !ok {
			return nil
		}
		switch event.Kind {
		case discover.Started:
			a.start(event.Process)
		case discover.Stopped:
			a.stop(event.Process)
		case discover.Listed:
			a.settle()
		}
	}
}

func (a *Attacher) start(p *discover.Process) {
	if a.takeUp(p) {
		return
	}
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
	if fresh {
		defer a.observer.Analysed()
	}
	a.tellRefusals(p, analysed, fresh) // whatever comes of it: it is fresh but once
	probes := a.wanted.Probes && len(analysed.plan.Probes) > 0 || a.wanted.Profiles && analysed.code != nil
	readable := a.wanted.reads(analysed)
	if !probes && !readable {
		return ReasonNothing, errors.New("nothing that is wanted has a proven place in it")
	}
	bias, err := loadBias(p.PID, executable)
	if err != nil {
		return ReasonAnalysis, err
	}
	attachment, err := a.attachProbes(p, executable, analysed.plan, bias, probes)
	if err != nil && (!readable || hasVanished(err)) {
		return ReasonProbes, err
	}
	if err != nil {
		a.observer.Failed(p, ReasonProbes)
		a.logger.Log(a.warned.level(failure{p.Executable, ReasonProbes}), "A process has no probes: only its memory is read",
			zap.Int("pid", p.PID), zap.String("executable", p.Executable), zap.Error(err))
	}
	count := 0
	if attachment != nil {
		count = len(attachment.Plan().Probes)
	}
	layouts := Layouts{Runtime: analysed.runtime, Goroutines: analysed.goroutines, Code: analysed.code, Allocations: analysed.allocations, Bias: bias}
	a.attached[p] = subject{attachment, layouts, analysed.refusals()}
	a.logger.Info("Observing a process", zap.Int("pid", p.PID), zap.String("service", p.ServiceName),
		zap.String("executable", p.Executable), zap.String("go", analysed.plan.GoVersion), zap.Int("probes", count))
	a.observer.Attached(p, attachment, layouts)
	return "", nil
}

// attachProbes puts the planned probes on a process, if they are wanted; else it
// closes the executable and the attachment is nil.
func (a *Attacher) attachProbes(p *discover.Process, executable *os.File, planned *plan.Plan, bias uint64, wanted bool) (*probe.Attachment, error) {
	if !wanted {
		return nil, executable.Close()
	}
	if a.wantsSDKSpans(p) {
		planned = planned.WithSDKSpans()
	}
	a.table.add(p, planned) // before the first record can come
	attachment, err := a.programs.Attach(probe.Target{
		PID:        p.PID,
		Executable: executable,
		Bias:       bias,
		SampleRate: sampleRate(p),
		Events:     a.events,
		Looks:      a.wanted.Looks,
		Protocols:  protocols(p),
		Plan:       planned,
	}, a.tier(planned))
	if err != nil {
		a.table.end(p, time.Now())
		return nil, err
	}
	return attachment, nil
}

// tellRefusals logs what is left out once for an executable, and counts it for
// each process.
func (a *Attacher) tellRefusals(p *discover.Process, analysed analysis, fresh bool) {
	for _, refusal := range analysed.refusals() {
		if refusal.Feature == plan.SDKSpanContents && !a.wantsSDKSpans(p) {
			continue
		}
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
	s, ok := a.attached[p]
	if !ok {
		return
	}
	if s.attachment != nil {
		a.table.end(p, time.Now())
	}
	if err := a.detach(p, s); err != nil {
		a.logger.Warn("Detaching from a process", zap.Int("pid", p.PID), zap.Error(err))
	}
}

func (a *Attacher) detach(p *discover.Process, s subject) (err error) {
	delete(a.attached, p)
	open := 0
	if s.attachment != nil {
		open, err = s.attachment.Close()
	}
	a.observer.Detached(p, open)
	return err
}

// Close detaches from all processes. Run has ended.
func (a *Attacher) Close() error {
	var errs []error
	for p, s := range a.attached {
		errs = append(errs, a.detach(p, s))
	}
	return errors.Join(errs...)
}

// protocols of a process whose target names none are all.
func protocols(p *discover.Process) []plan.Protocol {
	if len(p.Target.Protocols) == 0 {
		return plan.Protocols()
	}
	wanted := make([]plan.Protocol, len(p.Target.Protocols))
	for i, protocol := range p.Target.Protocols {
		wanted[i] = plan.Protocol(protocol)
	}
	return wanted
}

// wantsSDKSpans reports whether the spans of the SDK in a process are told whole.
func (a *Attacher) wantsSDKSpans(p *discover.Process) bool {
	wanted := a.wanted.SDKSpans
	if p.TargetIndex != discover.NoTarget && p.Target.SDKSpans != nil {
		wanted = *p.Target.SDKSpans
	}
	return wanted && a.programs.HasSDKSpans()
}

// sampleRate of a process that no target selects is that of all requests.
func sampleRate(p *discover.Process) uint32 {
	if p.TargetIndex == discover.NoTarget {
		return 1000
	}
	return uint32(p.Target.SampleRate)
}
