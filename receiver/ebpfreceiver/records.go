// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/attach"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

const (
	// batchRecords bounds how many records go down the pipelines together. They go
	// once nothing else waits, but where much comes not more often than each batchAge.
	// Both together with probe.PollInterval are less than spans wait for records by
	// default (wait of the span_enrichment processor).
	batchRecords = 1024
	batchAge     = 100 * time.Millisecond
)

// records moves what the probes tell to the pipelines.
type records struct {
	reader  source
	table   *attach.Table
	peers   *peers
	samples func(*discover.Process, *record.Sample)
	sinks   *sinks
	dropped func(reason string)
	sampled func(record.Record) // counts ledgers that were
	version string

	cycles     *emit.Cycles
	conditions *gcConditions
	sdks       *emit.SDKs

	batch *emit.Batch
	size  int
	last  time.Time // when one went down the pipelines, or there was none to
}

// source is a probe.Reader.
type source interface {
	Read() ([]byte, error)
	Wait() error
	End()
}

func newRecords(r *ebpfReceiver, table *attach.Table, peers *peers, profiles *profiles) *records {
	return &records{
		reader:  r.reader,
		table:   table,
		peers:   peers,
		samples: profiles.take,
		sinks:   &r.sinks,
		dropped: func(reason string) {
			r.telemetry.RecordsDropped.Add(context.Background(), 1, by("reason", reason))
		},
		sampled: r.sampling.count,
		version: r.settings.BuildInfo.Version,
		cycles:  emit.NewCycles(),

		conditions: newGCConditions(r.config.GC.rules()),
		sdks:       r.sdks,
	}
}

// run reads until the reader is closed. Whatever ends it, what was read goes down
// the pipelines, and Shutdown does not wait for more to be read.
func (r *records) run() error {
	defer r.reader.End()
	defer r.flush()
	for {
		raw, err := r.reader.Read()
		switch {
		case raw != nil:
			r.add(raw)
			if r.size >= batchRecords {
				r.flush()
			}
		case err == nil: // nothing waits
			if time.Since(r.last) >= batchAge {
				r.flush()
			}
			err = r.reader.Wait()
		}
		if errors.Is(err, probe.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *records) add(raw []byte) {
	decoded, err := record.Decode(raw)
	if err != nil {
		r.dropped("malformed")
		return
	}
	process, ok := r.table.Process(decoded.Process())
	if !ok {
		r.dropped("unknown_process")
		return
	}
	if traffic, ok := decoded.(*record.Traffic); ok {
		if !r.peers.carried(process, traffic) {
			r.dropped("process_detached")
		}
		return
	}
	if sample, ok := decoded.(*record.Sample); ok {
		r.samples(process, sample)
		return
	}
	if r.size == 0 {
		r.batch = emit.NewBatch(metadata.ScopeName, r.version, emit.ReadClock(), r.cycles, r.sdks)
	}
	r.sampled(decoded)
	r.batch.Add(process, decoded)
	for _, breach := range r.conditions.see(process, decoded) {
		r.batch.AddGCCondition(process, breach)
	}
	r.size++
}

func (r *records) flush() {
	r.last = time.Now()
	for _, ended := range r.table.Expire(r.last) {
		r.cycles.Forget(ended)
		r.conditions.forget(ended)
		r.sdks.Forget(ended)
	}
	if r.size == 0 {
		return
	}
	// Logs first: the records that explain a span should be there before it.
	r.sinks.consumeLogs(context.Background(), r.batch.Logs())
	r.sinks.consumeTraces(context.Background(), r.batch.Traces())
	r.size = 0
}
