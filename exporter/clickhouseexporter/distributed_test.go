// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// onCluster is a configuration of replicated tables with Distributed ones.
func onCluster(s *scripted) *Config {
	cfg := synchronous(s.endpoint)
	cfg.Compress = "none"
	cfg.ClusterName = "prod"
	cfg.TableEngine = TableEngineConfig{Name: "ReplicatedMergeTree"}
	cfg.Distributed.Enabled = true
	cfg.DerivedTables.RED.Enabled = true
	cfg.DerivedTables.ServiceMap.Enabled = true
	return cfg
}

// spansOnly returns their columns to INSERTs of spans and of records, and nothing
// to what else it is asked.
func spansOnly(statement string) proto.Input {
	switch {
	case !strings.HasPrefix(statement, "INSERT"):
		return nil
	case strings.Contains(statement, "SpanKind"):
		return rows.NewTraces().Input()
	}
	var columns proto.Input
	for _, name := range []string{"Table", "TableUuid", "Version", "Name", "How", "Statements", "By"} {
		var data proto.ColInput = new(proto.ColStr)
		switch name {
		case "Version":
			data = new(proto.ColUInt32)
		case "How":
			data = new(proto.ColStr).LowCardinality()
		}
		columns = append(columns, proto.InputColumn{Name: name, Data: data})
	}
	return columns
}

// TestDistributedStatements compares what is sent to a cluster with a golden file.
func TestDistributedStatements(t *testing.T) {
	s := startScripted(t, spansOnly)
	p := start(t, "traces", onCluster(s))
	require.NoError(t, p.send(t.Context()))
	said := s.said()
	var got strings.Builder
	for _, statement := range said {
		if strings.HasPrefix(statement, "INSERT") {
			statement, _, _ = strings.Cut(statement, " (")
		}
		got.WriteString(statement + ";\n\n")
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/distributed.golden.sql", []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile("testdata/distributed.golden.sql")
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
	settings := s.settingsOf("INSERT INTO `otel`.`otel_traces` ")
	assert.Equal(t, "1", settings["insert_distributed_sync"], "the answer is the shards'")
	assert.NotEmpty(t, settings["insert_deduplication_token"])
	assert.Equal(t, int64(4), p.counter(t, "rows_written", "table")["otel_traces_local"])

	printed, err := onCluster(s).Statements(26, 7)
	require.NoError(t, err)
	for _, statement := range said {
		if !strings.HasPrefix(statement, "INSERT") {
			assert.Contains(t, printed, statement, "as they are printed")
		}
	}
}

// TestShardsHaveLocalTables sends rows to the shards' own tables, over which the
// Distributed ones have no key.
func TestShardsHaveLocalTables(t *testing.T) {
	one, other := startScripted(t, spansOnly), startScripted(t, spansOnly)
	cfg := over(onCluster(one), "tcp://"+one.endpoint, "tcp://"+other.endpoint)
	require.NoError(t, cfg.Validate())
	p, consume := startTraces(t, cfg)
	require.NoError(t, consume(t.Context(), numbered(0, 50)))
	p.stop()
	for _, s := range []*scripted{one, other} {
		said := strings.Join(s.said(), ";\n")
		assert.Contains(t, said, "CREATE TABLE IF NOT EXISTS `otel`.`otel_traces` ON CLUSTER `prod`\nAS `otel`.`otel_traces_local`\n"+
			"ENGINE = Distributed('prod', 'otel', 'otel_traces_local')")
		assert.Contains(t, said, "INSERT INTO `otel`.`otel_traces_local` (")
		assert.NotContains(t, said, "INSERT INTO `otel`.`otel_traces` (")
		assert.NotContains(t, s.settingsOf("INSERT"), "insert_distributed_sync")
	}
	written := p.byShard(t, "rows_written")
	assert.Equal(t, int64(50), written["0"]+written["1"])
	assert.Positive(t, written["0"]*written["1"])
}

// TestATableWithRowsIsNotShadowed finds a table of contrib's where the Distributed
// one is to be.
func TestATableWithRowsIsNotShadowed(t *testing.T) {
	s := startScripted(t, func(statement string) proto.Input {
		if !strings.Contains(statement, "FROM system.tables") || !strings.Contains(statement, "'otel_traces'") {
			return spansOnly(statement)
		}
		one := func(name, value string) proto.InputColumn {
			column := new(proto.ColStr)
			column.Append(value)
			return proto.InputColumn{Name: name, Data: column}
		}
		return proto.Input{one("name", "otel_traces"), one("uuid", ""), one("engine", "MergeTree"), one("engine_full", ""), one("window", "0")}
	})
	p := start(t, "traces", onCluster(s))
	require.ErrorContains(t, p.send(t.Context()), "otel.otel_traces is a table of the engine MergeTree, where the Distributed table is to be")
	assert.NotContains(t, strings.Join(s.said(), ""), "INSERT")
	cfg := onCluster(s)
	cfg.Distributed.Suffix, cfg.Distributed.LocalSuffix = "_all", ""
	require.NoError(t, cfg.Validate())
	beside := start(t, "traces", cfg)
	require.NoError(t, beside.send(t.Context()))
	assert.Contains(t, strings.Join(s.said(), ";"), "INSERT INTO `otel`.`otel_traces_all` (")
}
