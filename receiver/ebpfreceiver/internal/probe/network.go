// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// KernelFeature is what this kernel may lack, for all processes.
type KernelFeature string

// Network is connections and retransmissions of TCP.
const Network KernelFeature = "network"

// Refusal says why a feature is left out.
type Refusal struct {
	Feature KernelFeature
	Reason  error
}

// Refused are the features that are left out on this kernel.
func (p *Programs) Refused() []Refusal { return p.refused }

// Refuses reports whether a feature is left out on this kernel.
func (p *Programs) Refuses(feature KernelFeature) bool {
	return slices.ContainsFunc(p.refused, func(r Refusal) bool { return r.Feature == feature })
}

// loadNetwork loads the network programs, or refuses them where the kernel has
// not all of their tracepoints.
func (p *Programs) loadNetwork(shared *ebpf.CollectionOptions, kernel *btf.Spec) error {
	spec, err := loadNetwork()
	if err != nil {
		return fmt.Errorf("reading the network programs: %w", err)
	}
	if err := missingTracepoints(spec, kernel); err != nil {
		p.refused = append(p.refused, Refusal{Network, err})
		return nil
	}
	spec.Maps[networkMapRecords].MaxEntries = p.spans.Records.MaxEntries()
	if err := p.has.fit(spec); err != nil {
		return err
	}
	if err := spec.LoadAndAssign(&p.network, replacementsOf(spec, shared)); err != nil {
		return fmt.Errorf("loading the network programs: %w", err)
	}
	return nil
}

// missingTracepoints is an error that names the tracepoints of the programs that
// a kernel does not have, by the type that it has for each (include/trace/bpf_probe.h).
func missingTracepoints(spec *ebpf.CollectionSpec, kernel *btf.Spec) error {
	var errs []error
	for _, program := range spec.Programs {
		if program.Type != ebpf.Tracing || program.AttachType != ebpf.AttachTraceRawTp {
			continue
		}
		if _, err := kernel.AnyTypeByName("btf_trace_" + program.AttachTo); err != nil {
			errs = append(errs, fmt.Errorf("the kernel has no tracepoint %s: %w", program.AttachTo, err))
		}
	}
	return errors.Join(errs...)
}

// TellConnections makes the network programs tell what open connections carried
// since they were told of last.
func (p *Programs) TellConnections() error {
	if p.Refuses(Network) {
		return nil
	}
	var failed error
	err := visit(p.syscalls.Connections, func(socket uint64, _ *syscallsConnection) {
		// The arguments of a raw tracepoint are words.
		if _, err := p.network.TellConnection.Run(&ebpf.RunOptions{Context: &socket}); err != nil && failed == nil {
			failed = fmt.Errorf("running the program that tells of a connection: %w", err)
		}
	})
	return errors.Join(failed, err)
}

// forgetConnections removes what the process left in the map of connections.
func (a *Attachment) forgetConnections() error {
	_, err := forgetOwn(a.programs.syscalls.Connections, func(_ uint64, c *syscallsConnection) bool { return c.Tgid == a.pid })
	if err != nil {
		return fmt.Errorf("forgetting the connections of process %d: %w", a.pid, err)
	}
	return nil
}
