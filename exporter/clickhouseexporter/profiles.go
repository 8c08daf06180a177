// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pprofile"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/deadletter"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

type profilesExporter struct {
	*inserter
	blocks *kept[*rows.Profiles]
}

func newProfilesExporter(set exporter.Settings, config *Config) (*profilesExporter, error) {
	if config.sharded() {
		return nil, errors.New("sharding.shards: profiles are not spread over shards; give them an exporter of their own, " +
			"with an endpoint")
	}
	inserter, err := newInserter(set, config.forProfiles(), "profiles", prepareProfiles)
	if err != nil {
		return nil, err
	}
	return &profilesExporter{inserter: inserter, blocks: newKept(rows.NewProfiles)}, nil
}

// forProfiles is the configuration without batches: profiles are inserted as they
// come. A request of theirs is large already, and to merge two is to merge what
// they refer to, in which exporterhelper trusts the indices of its senders. Their
// table has no Distributed one over it, and no guard looks at their attributes.
func (cfg *Config) forProfiles() *Config {
	own := *cfg
	own.Distributed.Enabled = false
	own.Cardinality = defaultCardinality()
	if queue := cfg.QueueSettings.Get(); queue != nil {
		whole := *queue
		whole.Batch = configoptional.None[exporterhelper.BatchConfig]()
		own.QueueSettings = configoptional.Some(whole)
	}
	return &own
}

func prepareProfiles(ctx context.Context, i *inserter) error {
	table := i.config.ProfilesTableName
	err := i.migrate(ctx, func() ([]string, error) {
		major, minor, err := i.client.Version(ctx)
		if err != nil {
			return nil, err
		}
		return i.schema.CreateProfiles(table, schema.Version{Major: major, Minor: minor})
	}, wanted{table, schema.Profiles})
	if err != nil {
		return err
	}
	return i.reportDrift(ctx, table, rows.NewProfiles().Input())
}

func (e *profilesExporter) push(ctx context.Context, profiles pprofile.Profiles) error {
	d := e.deliveryOf(ctx)
	e.begin(ctx, d, profiles.SampleCount())
	if err := e.gate.pass(ctx); err != nil {
		return err
	}
	begun := time.Now()
	block := e.blocks.take()
	defer e.blocks.put(block)
	block.Append(profiles)
	d.spend(phaseEncode, begun)
	return e.insert(ctx, d, e.config.ProfilesTableName, block.Input(), block.Corrected(), deadletter.Profiles(profiles))
}
