// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// Target is a process and what to observe of it.
type Target struct {
	PID int
	// Executable is the file that was analysed. Probes are attached to it and to
	// no other, even where the process executes another one by then, or the file
	// was replaced on disk. Close closes it.
	Executable *os.File
	// Bias is what is added to a linked address to get that in the process.
	Bias uint64
	// SampleRate is how many of 1000 requests are observed.
	SampleRate uint32
	Events     Events
	// Looks: ledgers that are not exact are made by looking at goroutines, as far as the
	// plan has it.
	Looks bool
	// Protocols whose requests are observed; none is all.
	Protocols []plan.Protocol
	// Plan of the executable, with the probes of all protocols.
	Plan *plan.Plan
}

// protocols are those that are observed.
func (t Target) protocols() []plan.Protocol {
	if len(t.Protocols) == 0 {
		return plan.Protocols()
	}
	return t.Protocols
}

// Attachment are the probes on one process. It is safe for concurrent use.
type Attachment struct {
	programs *Programs
	target   Target // guarded by mu, what Reconfigure changes
	pid      uint32
	slot     uint32

	mu          sync.Mutex
	closed      bool
	marked      bool // its bit is set
	tier        Tier
	plan        *plan.Plan // as far as it is wanted, or was: what the tier has of it is attached
	description spansProcess
	exact       atomic.Bool // ledgers are: read without mu, which is held for long while probes change
	executable  *link.Executable
	links       []link.Link // of all probes but the scheduler's
	scheduler   []link.Link
}

// Attach puts the probes of the target's plan in place, up to those of the tier.
// It takes the target's executable over. On an error nothing stays.
func (p *Programs) Attach(t Target, tier Tier) (*Attachment, error) {
	slot, err := p.slots.take()
	if err != nil {
		return nil, errors.Join(err, t.Executable.Close())
	}
	a := &Attachment{
		programs: p, target: t, pid: uint32(t.PID), slot: slot,
		plan: t.Plan.Only(t.protocols()), description: describe(t, slot),
	}
	if err := a.attach(tier); err != nil {
		_, closeErr := a.Close()
		return nil, errors.Join(err, closeErr)
	}
	if looks := p.looker.Load(); looks != nil && a.description.Flags&(flagLooks|flagLedger) == flagLooks {
		looks.expect()
	}
	return a, nil
}

// Exact reports whether ledgers of spans that begin now are exact: the probes on
// the scheduler are in place. It never waits.
func (a *Attachment) Exact() bool { return a.exact.Load() }

// Plan is the target's, as far as probes of it are wanted, or were.
func (a *Attachment) Plan() *plan.Plan {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.plan
}

// OpenExecutable opens the file that was analysed once more, with an offset of its
// own.
func (a *Attachment) OpenExecutable() (*os.File, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, ErrDetached
	}
	file, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", a.target.Executable.Fd()))
	if err != nil {
		return nil, fmt.Errorf("opening the executable of process %d: %w", a.pid, err)
	}
	return file, nil
}

func (a *Attachment) attach(tier Tier) (err error) {
	if err := a.programs.clearHits(a.slot); err != nil {
		return err
	}
	if err := a.programs.marks.add(a.programs.spans.Observed, a.pid); err != nil {
		return err
	}
	a.marked = true
	if err := errors.Join(a.describeSDK(), a.describe()); err != nil {
		return err
	}
	path := fmt.Sprintf("/proc/self/fd/%d", a.target.Executable.Fd())
	if a.executable, err = link.OpenExecutable(path); err != nil {
		return fmt.Errorf("opening the executable of process %d: %w", a.pid, err)
	}
	_, err = a.SetTier(tier)
	return err
}

// uprobe attaches one program to all threads of a process, at an offset of its
// executable's file. The program is told the cookie, where the kernel has that.
func (p *Programs) uprobe(executable *link.Executable, program *ebpf.Program, pid int, offset, cookie uint64) (link.Link, error) {
	if !p.has.uprobeMulti {
		if !p.has.cookies {
			cookie = 0
		}
		return executable.Uprobe("", program, &link.UprobeOptions{Address: offset, PID: pid, Cookie: cookie})
	}
	return executable.UprobeMulti(nil, program, &link.UprobeMultiOptions{
		Addresses: []uint64{offset}, PID: uint32(pid), Cookies: []uint64{cookie},
	})
}

// Close detaches the probes and forgets the process's goroutines and threads.
// It returns how many spans and requests were still open: they are not told.
func (a *Attachment) Close() (open int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return 0, nil
	}
	a.closed = true
	errs := []error{closeAll(&a.scheduler), closeAll(&a.links)}
	maps := &a.programs.spans.spansMaps
	errs = append(errs, ignoreMissing(maps.Processes.Delete(a.pid)), ignoreMissing(maps.StopClocks.Delete(a.pid)))
	if a.marked {
		errs = append(errs, a.programs.marks.remove(a.programs.spans.Observed, a.pid))
	}
	open, err = a.forget()
	a.programs.slots.give(a.slot)
	return open, errors.Join(append(errs, err, a.forgetConnections(), a.forgetTally(), a.forgetSDK(), a.target.Executable.Close())...)
}

// closeAll detaches links, all at once: the kernel waits at each for what runs to
// be over (kernel/trace/bpf_trace.c: bpf_uprobe_unregister), and waits for many in
// the time of one.
func closeAll(links *[]link.Link) error {
	errs := make([]error, len(*links))
	var closing sync.WaitGroup
	for i, l := range *links {
		closing.Go(func() { errs[i] = l.Close() })
	}
	closing.Wait()
	*links = nil
	return errors.Join(errs...)
}

func ignoreMissing(err error) error {
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil
	}
	return err
}
