// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// migrated is the statements of all migrations.
func migrated(s Schema, table string) ([]string, error) {
	var all []string
	for _, m := range Migrations() {
		statements, err := s.Migrate(m, table)
		if err != nil {
			return nil, err
		}
		all = append(all, statements...)
	}
	return all, nil
}

// TestMigrationsOnlyGoForward has the digest of each file: tables were migrated
// with it. What is to be otherwise is another migration.
func TestMigrationsOnlyGoForward(t *testing.T) {
	digests := map[string]string{
		"0002_deduplication_window": "59fae0f3bf470bc8",
		"0003_logs_event_name":      "798ff0f65daf9798",
	}
	entries, err := files.ReadDir("migrations")
	require.NoError(t, err)
	require.Len(t, Migrations(), len(entries))
	for n, m := range Migrations() {
		assert.Equal(t, n+2, m.Version)
		assert.NotEmpty(t, m.Lack)
		require.Equal(t, m.String()+".sql", entries[n].Name(), "a file for each migration, in their order")
		text, err := files.ReadFile("migrations/" + entries[n].Name())
		require.NoError(t, err)
		assert.Equal(t, digests[m.String()], fmt.Sprintf("%x", sha256.Sum256(text))[:16], m.String())
	}
}

func TestWhatMigrationsConcern(t *testing.T) {
	for name, test := range map[string]struct {
		table Table
		lacks []string
	}{
		"contrib's older logs":  {Table{Kind: Logs, Engine: "MergeTree"}, []string{"0002_deduplication_window", "0003_logs_event_name"}},
		"contrib's logs":        {Table{Kind: Logs, Engine: "MergeTree", Columns: []string{"EventName"}}, []string{"0002_deduplication_window"}},
		"replicated logs":       {Table{Kind: Logs, Engine: "ReplicatedMergeTree"}, []string{"0003_logs_event_name"}},
		"distributed logs":      {Table{Kind: Logs, Engine: "Distributed"}, nil},
		"spans":                 {Table{Kind: Traces, Engine: "MergeTree", Window: 100}, nil},
		"a view":                {Table{Kind: Traces, Engine: "View"}, nil},
		"kernel events":         {Table{Kind: DerivedLogs, Engine: "MergeTree", Window: 100}, nil},
		"metrics of somebody's": {Table{Kind: Metrics, Engine: "ReplacingMergeTree"}, []string{"0002_deduplication_window"}},
	} {
		var lacks []string
		for _, m := range Migrations() {
			if m.Concerns(test.table) && !m.Holds(test.table) {
				lacks = append(lacks, m.String())
			}
		}
		assert.Equal(t, test.lacks, lacks, name)
	}
}

func TestRecordsReplicateWithTheTables(t *testing.T) {
	for engine, want := range map[string]string{
		"MergeTree()": "ENGINE = MergeTree()", "ReplicatedMergeTree('/{table}', '{replica}')": "ENGINE = ReplicatedMergeTree('/{table}', '{replica}')",
		"ReplacingMergeTree(Timestamp)": "ENGINE = MergeTree()", "Log()": "ENGINE = MergeTree()",
	} {
		statements, err := Schema{Database: "otel", Engine: engine}.CreateMigrations()
		require.NoError(t, err)
		assert.Contains(t, statements[0], want)
	}
}

func TestKept(t *testing.T) {
	tiered := Retention{TTL: 72 * time.Hour, Policy: "tie'red", Moves: []Move{{After: 24 * time.Hour, Volume: "cold"}}}
	s := Schema{Database: "otel", Engine: "MergeTree()", Traces: tiered}
	statements, err := s.CreateTraces("spans")
	require.NoError(t, err)
	wanted := KeptBy(s.CreatedBy(statements, "spans"))
	assert.Equal(t, Kept{
		TTL:    "toDateTime(Timestamp) + toIntervalDay(1) TO VOLUME 'cold', toDateTime(Timestamp) + toIntervalDay(3)",
		Policy: `'tie\'red'`,
	}, wanted)
	assert.Empty(t, s.CreatedBy(statements, "span"))

	const clauses = "MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, toDateTime(Timestamp)) "
	for definition, differs := range map[string]bool{
		clauses + "TTL toDateTime(Timestamp) + toIntervalHour(24) TO VOLUME 'cold', toDateTime(Timestamp) + toIntervalDay(3) " +
			`SETTINGS index_granularity = 8192, storage_policy = 'tie\'red'`: false,
		clauses + "TTL toDateTime(Timestamp) + toIntervalHour(24) TO VOLUME 'cold', toDateTime(Timestamp) + toIntervalDay(3) " +
			`SETTINGS index_granularity = 8192`: true,
		clauses + "TTL toDateTime(Timestamp) + toIntervalHour(24) TO DISK 'cold', toDateTime(Timestamp) + toIntervalDay(3) " +
			`SETTINGS storage_policy = 'tie\'red'`: true,
		clauses + `TTL toDateTime(Timestamp) + toIntervalDay(3) SETTINGS storage_policy = 'tie\'red'`: true,
		clauses + "SETTINGS index_granularity = 8192":                                                 true,
	} {
		assert.Equal(t, differs, KeptBy(definition).Differs(wanted), definition)
	}
	assert.False(t, KeptBy(clauses+"SETTINGS storage_policy = 'other'").Differs(Kept{}), "a policy that nobody asked for")
	assert.Equal(t, "ALTER TABLE `otel`.`spans` MODIFY SETTING storage_policy = 'tie\\'red', MODIFY TTL "+wanted.TTL, s.SetKept("spans", wanted))
	assert.Equal(t, "ALTER TABLE `otel`.`spans` ON CLUSTER `c` REMOVE TTL", Schema{Database: "otel", Cluster: "c"}.SetKept("spans", Kept{}))
}
