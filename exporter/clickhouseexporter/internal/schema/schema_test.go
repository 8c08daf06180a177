// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var metricTables = MetricTables{
	Gauge:                "otel_metrics_gauge",
	Sum:                  "otel_metrics_sum",
	Summary:              "otel_metrics_summary",
	Histogram:            "otel_metrics_histogram",
	ExponentialHistogram: "otel_metrics_exponential_histogram",
}

var allDerived = Derived{
	KernelEvents: "fathom_kernel_events",
	TimeLedger:   "fathom_time_ledger",
	RED:          "fathom_red",
	ServiceMap:   "fathom_service_map",
}

func TestGolden(t *testing.T) {
	plain := Schema{Database: "otel", Engine: "MergeTree()"}
	inJSON := Schema{Database: "otel", Engine: "MergeTree()", JSON: true}
	full := Schema{
		Database: "tele`metry",
		Cluster:  "prod`1",
		Engine:   "ReplicatedMergeTree('/clickhouse/{shard}', '{replica}')",
		Traces:   Retention{TTL: 72 * time.Hour, Policy: "tie'red", Moves: []Move{{After: 24 * time.Hour, Volume: "co'ld"}}},
		Logs:     Retention{TTL: 72 * time.Hour},
	}
	old, current := Version{Major: 26, Minor: 1}, Version{Major: 26, Minor: 2}

	for name, render := range map[string]func() ([]string, error){
		"database":            plain.CreateDatabase,
		"traces":              func() ([]string, error) { return plain.CreateTraces("otel_traces") },
		"logs_text":           func() ([]string, error) { return plain.CreateLogs("otel_logs", current) },
		"logs_bloom":          func() ([]string, error) { return plain.CreateLogs("otel_logs", old) },
		"metrics":             func() ([]string, error) { return plain.CreateMetrics(metricTables) },
		"derived_traces":      func() ([]string, error) { return plain.CreateFromTraces("otel_traces", allDerived) },
		"derived_logs":        func() ([]string, error) { return plain.CreateFromLogs("otel_logs", allDerived) },
		"migrations":          plain.CreateMigrations,
		"full_migrated":       func() ([]string, error) { return migrated(full, "spans") },
		"full_derived":        func() ([]string, error) { return full.CreateFromTraces("spans", Derived{RED: "rates"}) },
		"profiles_text":       func() ([]string, error) { return plain.CreateProfiles("otel_profiles", current) },
		"profiles_bloom":      func() ([]string, error) { return plain.CreateProfiles("otel_profiles", old) },
		"json_traces":         func() ([]string, error) { return inJSON.CreateTraces("otel_traces") },
		"json_logs":           func() ([]string, error) { return inJSON.CreateLogs("otel_logs", current) },
		"json_derived_traces": func() ([]string, error) { return inJSON.CreateFromTraces("otel_traces", allDerived) },
		"json_derived_logs":   func() ([]string, error) { return inJSON.CreateFromLogs("otel_logs", allDerived) },
		"full_database":       full.CreateDatabase,
		"full_traces":         func() ([]string, error) { return full.CreateTraces("spans") },
		"full_logs":           func() ([]string, error) { return full.CreateLogs("records", current) },
	} {
		t.Run(name, func(t *testing.T) {
			statements, err := render()
			require.NoError(t, err)
			got := strings.Join(statements, ";\n\n") + ";\n"

			golden := filepath.Join("testdata", name+".golden.sql")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

func TestDefaultDatabaseIsNotCreated(t *testing.T) {
	statements, err := Schema{Database: DefaultDatabase}.CreateDatabase()
	require.NoError(t, err)
	assert.Empty(t, statements)
}

func TestNothingIsDerivedUnlessItIsWanted(t *testing.T) {
	for _, render := range []func(string, Derived) ([]string, error){
		Schema{Engine: "MergeTree()"}.CreateFromTraces, Schema{Engine: "MergeTree()"}.CreateFromLogs,
	} {
		statements, err := render("source", Derived{})
		require.NoError(t, err)
		assert.Empty(t, statements)
	}
}

func TestAggregatingEngine(t *testing.T) {
	for engine, want := range map[string]string{
		"MergeTree()":                    "AggregatingMergeTree()",
		"ReplicatedMergeTree('/a', 'b')": "ReplicatedAggregatingMergeTree('/a', 'b')",
		"SharedMergeTree()":              "SharedAggregatingMergeTree()",
	} {
		got, err := AggregatingEngine(engine)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, engine := range []string{"Log()", "ReplacingMergeTree(Version)", ""} {
		_, err := AggregatingEngine(engine)
		require.ErrorContains(t, err, "no engine like")
	}
}

func TestWindow(t *testing.T) {
	for engine, want := range map[string]bool{
		"MergeTree": true, "ReplacingMergeTree": true, "ReplicatedMergeTree": false, "SharedMergeTree": false, "Distributed": false,
	} {
		assert.Equal(t, want, NeedsWindow(engine), engine)
	}
}

func TestAddColumns(t *testing.T) {
	s := Schema{Database: "otel", Cluster: "prod"}
	assert.Equal(t, "ALTER TABLE `otel`.`t` ON CLUSTER `prod` ADD COLUMN IF NOT EXISTS `a` String CODEC(ZSTD(1)), "+
		"ADD COLUMN IF NOT EXISTS `B.c` Array(UInt32) CODEC(ZSTD(1))",
		s.AddColumns("t", Column{"a", "String"}, Column{"B.c", "Array(UInt32)"}))
}

func TestRetentionClause(t *testing.T) {
	for want, retention := range map[string]Retention{
		"":                             {},
		"TTL x + toIntervalDay(2)":     {TTL: 48 * time.Hour},
		"TTL x + toIntervalHour(30)":   {TTL: 30 * time.Hour},
		"TTL x + toIntervalMinute(90)": {TTL: 90 * time.Minute},
		"TTL x + toIntervalSecond(61)": {TTL: 61 * time.Second},
		"TTL x + toIntervalDay(1) TO VOLUME 'cold'": {Moves: []Move{{After: 24 * time.Hour, Volume: "cold"}}},
		"TTL x + toIntervalHour(1) TO DISK 's3', x + toIntervalDay(1)": {
			TTL: 24 * time.Hour, Moves: []Move{{After: time.Hour, Disk: "s3"}},
		},
	} {
		assert.Equal(t, want, retention.clause("x"))
	}
}

func TestIdentifier(t *testing.T) {
	assert.Equal(t, "`a`.`b`", Identifier("a", "b"))
	assert.Equal(t, "`a\\`b\\\\c`", Identifier("a`b\\c"))
}

func TestTextIndexVersion(t *testing.T) {
	for version, want := range map[Version]bool{
		{25, 12}: false,
		{26, 1}:  false,
		{26, 2}:  true,
		{27, 0}:  true,
	} {
		assert.Equal(t, want, version.hasTextIndex(), version.String())
	}
}
