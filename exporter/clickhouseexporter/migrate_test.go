// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// loggedBy runs an exporter of a signal for one batch, and is what it logs.
func loggedBy(t *testing.T, signal string, cfg *Config) *observer.ObservedLogs {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	set := settings()
	set.Logger = zap.New(core)
	e, err := signals()[signal](t.Context(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, e.send(t.Context()))
	require.NoError(t, e.Shutdown(context.Background()))
	return logs
}

// recorded is the records of a table, a line each.
func recorded(t *testing.T, db database, table string) string {
	t.Helper()
	var lines []string
	require.NoError(t, db.QueryRow(t.Context(), "SELECT groupArray(line) FROM (SELECT concat(toString(Version), ' ', Name, ' ', How) AS line "+
		"FROM otel.fathom_schema_migrations WHERE Table = '"+table+"' ORDER BY Version, At)").Scan(&lines))
	return strings.Join(lines, ", ")
}

// TestTenCollectorsStartAtOnce on a server without a database: each of the
// tables' migrations is recorded once, and nothing fails.
func TestTenCollectorsStartAtOnce(t *testing.T) {
	endpoint := enginetest.StartWithMemory(t, 4096) // thirty collectors' inserts at once
	var group sync.WaitGroup
	failures := make(chan error, 10*3)
	core, logs := observer.New(zap.WarnLevel)
	for range 10 {
		for _, signal := range []string{"traces", "logs", "metrics"} {
			create := signals()[signal]
			set := settings()
			set.Logger = zap.New(core)
			e, err := create(t.Context(), set, synchronous(endpoint))
			require.NoError(t, err)
			group.Go(func() {
				if err := e.Start(t.Context(), componenttest.NewNopHost()); err != nil {
					failures <- err
				}
				if err := e.send(t.Context()); err != nil {
					failures <- err
				}
				if err := e.Shutdown(context.Background()); err != nil {
					failures <- err
				}
			})
		}
	}
	group.Wait()
	close(failures)
	for err := range failures {
		assert.NoError(t, err)
	}
	for _, entry := range logs.All() {
		assert.Contains(t, entry.Message, "metrics without a type", "which are in the sample")
	}
	db := connect(t, endpoint)
	total := db.number(t, "SELECT count() FROM otel.fathom_schema_migrations")
	different := db.number(t, "SELECT uniqExact(Table, Version) FROM otel.fathom_schema_migrations")
	t.Logf("%d records of %d migrations by ten collectors", total, different)
	assert.Equal(t, different, total)
	assert.Equal(t, 8*2+1, total, "two of each table, and a third of that of log records")
	assert.Equal(t, 40, db.number(t, "SELECT count() FROM otel.otel_traces"))
}

// TestTablesOfContribAreTakenOver runs on the tables of contrib's exporter, its
// log records' as older versions made it.
func TestTablesOfContribAreTakenOver(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	db.exec(t, "CREATE DATABASE otel")
	text, err := os.ReadFile("internal/schema/testdata/contrib_plain.sql")
	require.NoError(t, err)
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if strings.Contains(statement, "CREATE ") {
			db.exec(t, statement)
		}
	}
	db.exec(t, "ALTER TABLE otel.otel_logs DROP COLUMN EventName")

	for _, signal := range []string{"traces", "logs", "metrics"} {
		missing := loggedBy(t, signal, userOwned(endpoint)).FilterMessageSnippet("a migration is missing, and create_schema is false")
		want := map[string]int{"traces": 2, "logs": 2, "metrics": 5}
		require.Len(t, missing.All(), want[signal], signal)
		for _, entry := range missing.All() {
			assert.Contains(t, entry.ContextMap()["mend_it_with"], "ALTER TABLE `otel`.`"+fmt.Sprint(entry.ContextMap()["table"]))
		}
	}
	assert.Zero(t, db.number(t, "SELECT count() FROM system.tables WHERE name = 'fathom_schema_migrations'"))

	for range 2 { // the second time there is nothing to do
		for _, signal := range []string{"traces", "logs", "metrics"} {
			loggedBy(t, signal, synchronous(endpoint))
		}
		assert.Equal(t, "1 tables found, 2 deduplication_window altered", recorded(t, db, "otel_traces"))
		assert.Equal(t, "1 tables found, 2 deduplication_window altered", recorded(t, db, "otel_metrics_sum"))
		assert.Equal(t, "1 tables found, 2 deduplication_window altered, 3 logs_event_name altered", recorded(t, db, "otel_logs"))
	}
	assert.Equal(t, 2, db.number(t, "SELECT countIf(EventName != '') FROM otel.otel_logs"), "of the two runs that had the column")
	assert.Equal(t, 1, db.number(t, "SELECT count() FROM otel.fathom_schema_migrations WHERE Table = 'otel_logs' "+
		"AND Statements LIKE 'ALTER TABLE%ADD COLUMN IF NOT EXISTS `EventName`%'"))
}

// userOwned is a configuration whose tables are the user's.
func userOwned(endpoint string) *Config {
	cfg := synchronous(endpoint)
	cfg.CreateSchema = false
	return cfg
}

// TestATableMadeAnewIsMigratedAnew drops a table whose migrations were recorded.
func TestATableMadeAnewIsMigratedAnew(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	loggedBy(t, "logs", synchronous(endpoint))
	const created = "1 tables created, 2 deduplication_window created, 3 logs_event_name created"
	assert.Equal(t, created, recorded(t, db, "otel_logs"))
	db.exec(t, "DROP TABLE otel.otel_logs SYNC")
	loggedBy(t, "logs", synchronous(endpoint))
	assert.Equal(t, 6, strings.Count(recorded(t, db, "otel_logs"), "created"))
	assert.Equal(t, 4, db.number(t, "SELECT count() FROM otel.otel_logs"))
}

// TestRetentionThatDiffersIsReported starts exporters on tables that were made
// with another ttl.
func TestRetentionThatDiffersIsReported(t *testing.T) {
	endpoint := enginetest.Start(t)
	with := func(ttl time.Duration) *Config {
		cfg := synchronous(endpoint)
		cfg.TTL = ttl
		return cfg
	}
	const said = "the table keeps its rows otherwise"
	for _, ttl := range []time.Duration{72 * time.Hour, 72 * time.Hour, 0} {
		assert.Empty(t, loggedBy(t, "traces", with(ttl)).FilterMessageSnippet(said).All(), ttl)
	}
	reports := loggedBy(t, "traces", with(24*time.Hour)).FilterMessageSnippet(said).All()
	require.Len(t, reports, 2, "of spans, and of their times")
	db := connect(t, endpoint)
	for _, report := range reports {
		t.Log(report.ContextMap())
		db.exec(t, fmt.Sprint(report.ContextMap()["change_it_with"]))
	}
	assert.Empty(t, loggedBy(t, "traces", with(24*time.Hour)).FilterMessageSnippet(said).All(), "what it says changes it")
}
