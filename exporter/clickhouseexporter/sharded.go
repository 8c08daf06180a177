// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/shard"
)

// pusher stores data in one shard.
type pusher[D any] struct {
	*inserter
	push func(context.Context, D) error
}

// sharded stores the data of a signal in the shards that they belong to. Each
// shard has connections, tables, and pauses of its own; a shard that is away
// keeps its part of each request waiting, and what others have stored is not
// sent again.
type sharded[D any] struct {
	shards []pusher[D]
	split  func(D) []D
	empty  func(D) bool
}

func newSharded[D any](
	set exporter.Settings, config *Config,
	create func(exporter.Settings, *Config) (pusher[D], error),
	split func(shard.Splitter, D) []D, empty func(D) bool,
) (*sharded[D], error) {
	splitter := shard.NewSplitter(config.Sharding.Key, max(1, len(config.Sharding.Shards)))
	s := &sharded[D]{split: func(data D) []D { return split(splitter, data) }, empty: empty}
	for n, one := range config.perShard() {
		of := set
		if config.sharded() {
			of.Logger = set.Logger.With(zap.Int("shard", n))
		}
		if n > 0 { // the first one's telemetry is that of all
			of.MeterProvider = noop.NewMeterProvider()
		}
		p, err := create(of, one)
		if err != nil {
			return nil, err
		}
		s.shards = append(s.shards, p)
		if config.sharded() {
			p.shard = strconv.Itoa(n)
		}
		if n > 0 {
			s.first().joinedBy(p.inserter)
		}
	}
	return s, nil
}

// first is the inserter that queue, account and identities are of.
func (s *sharded[D]) first() *inserter { return s.shards[0].inserter }

// joinedBy adds the inserter of another shard, which shares the account.
func (i *inserter) joinedBy(other *inserter) {
	other.account, other.telemetry, other.identities = i.account, i.telemetry, i.identities
	i.others = append(i.others, other)
}

// push stores a request, all shards at once. It is to be tried again where any of
// them may still store rows.
func (s *sharded[D]) push(ctx context.Context, data D) error {
	if len(s.shards) == 1 {
		return s.shards[0].push(ctx, data)
	}
	d := s.first().deliveryOf(ctx)
	parts := s.split(data)
	failures := make([]error, len(parts))
	var pushes sync.WaitGroup
	for n, part := range parts {
		if !s.empty(part) {
			pushes.Go(func() { failures[n] = s.pushTo(ctx, d.shard(n), n, part) })
		}
	}
	pushes.Wait()
	return outcome(failures)
}

// pushTo stores the part of a shard, unless an earlier attempt is done with it.
func (s *sharded[D]) pushTo(ctx context.Context, d *delivery, n int, part D) error {
	if d.over {
		return d.outcome
	}
	err := s.shards[n].push(context.WithValue(ctx, deliveryKey{}, d), part)
	if err != nil {
		err = fmt.Errorf("shard %d: %w", n, err)
	}
	if err == nil || consumererror.IsPermanent(err) {
		d.over, d.outcome = true, err
	}
	return err
}
