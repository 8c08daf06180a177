// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/traffic"
)

// settling is how long the records of a reading need to come. What comes later is
// told at the next interval.
const settling = 2 * probe.PollInterval

// peers tells what the connections of all attached processes carried, at the
// interval of the runtime metrics.
type peers struct {
	enabled    bool
	interval   time.Duration
	max        int
	tell       func() error // has the programs tell of open connections
	sinks      *sinks
	overflowed func()
	version    string

	mu     sync.Mutex // guards tables and what they hold
	tables map[*discover.Process]*peerTable
}

// peerTable is one process's. One that has ended is told once more.
type peerTable struct {
	*traffic.Table
	max   int
	ended bool
}

func newPeers(r *ebpfReceiver) *peers {
	return &peers{
		enabled:  r.events().Traffic,
		interval: r.config.Runtime.Interval,
		max:      r.config.Events.Network.MaxPeers,
		tell:     r.programs.TellConnections,
		sinks:    &r.sinks,
		overflowed: func() {
			r.telemetry.PeersOverflowed.Add(context.Background(), 1)
		},
		version: r.settings.BuildInfo.Version,
		tables:  make(map[*discover.Process]*peerTable),
	}
}

func (p *peers) add(process *discover.Process, now time.Time) {
	if !p.enabled {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tables[process] = &peerTable{Table: traffic.NewTable(p.max, now), max: p.max}
}

func (p *peers) remove(process *discover.Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if table, ok := p.tables[process]; ok {
		table.ended = true
	}
}

// rename goes on with a table as another process's. It reports false where there
// is none to go on with, or one for another number of peers.
func (p *peers) rename(before, process *discover.Process) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	table, ok := p.tables[before]
	delete(p.tables, before)
	if !ok || !p.enabled || table.max != p.max {
		return false
	}
	p.tables[process] = table
	return true
}

// carried takes what a connection carried. It reports false where its process
// is no longer told of.
func (p *peers) carried(process *discover.Process, r *record.Traffic) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	table, ok := p.tables[process]
	if !ok {
		return false
	}
	if !table.Add(r) {
		p.overflowed()
	}
	return true
}

// run tells until ctx is done.
func (p *peers) run(ctx context.Context) error {
	if !p.enabled {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(untilBeat(p.interval)):
		}
		if err := p.tell(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(settling):
		}
		p.sinks.consumeMetrics(ctx, p.collect())
	}
}

// collect reads all tables once.
func (p *peers) collect() pmetric.Metrics {
	p.mu.Lock()
	defer p.mu.Unlock()
	metrics, now := pmetric.NewMetrics(), time.Now()
	for process, table := range p.tables {
		resource := metrics.ResourceMetrics().AppendEmpty()
		emit.PutResource(resource.Resource().Attributes(), process)
		scope := resource.ScopeMetrics().AppendEmpty()
		scope.Scope().SetName(metadata.ScopeName)
		scope.Scope().SetVersion(p.version)
		table.AppendTo(scope.Metrics(), now)
		if table.ended {
			delete(p.tables, process)
		}
	}
	metrics.ResourceMetrics().RemoveIf(func(r pmetric.ResourceMetrics) bool {
		return r.ScopeMetrics().At(0).Metrics().Len() == 0
	})
	return metrics
}
