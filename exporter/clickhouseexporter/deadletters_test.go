// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

func deadLetterCases() map[string]change {
	return map[string]change{
		"clickhouse/dead_letter": {config: func(c *Config) {
			c.DeadLetter = DeadLetterConfig{
				Mode: "file", Directory: "/var/lib/fathom/refused", Rotation: RotationConfig{MaxMegabytes: 10, MaxBackups: 5},
			}
		}},
		"clickhouse/dead_letter_none": {config: func(c *Config) { c.DeadLetter.Mode = "none" }},
	}
}

func badDeadLetterCases() map[string][]string {
	return map[string][]string{
		"bad/dead_letter": {
			`dead_letter.mode: "mail" is unknown`, "dead_letter.rotation.max_megabytes: 0 must be at least 1",
			"dead_letter.rotation.max_backups: -1 must be at least 1",
		},
		"bad/dead_letter_directory_missing":        {"dead_letter.directory: must be set with dead_letter.mode: file"},
		"bad/dead_letter_directory_without_effect": {"dead_letter.directory: has no effect without dead_letter.mode: file"},
	}
}

// TestDeadLettersAreSentAgain has the table refuse rows, mends it, and sends what
// the files hold.
func TestDeadLettersAreSentAgain(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	cfg := synchronous(endpoint)
	cfg.DeadLetter.Mode, cfg.DeadLetter.Directory = "file", filepath.Join(t.TempDir(), "refused")
	p, e := startPicky(t, db, cfg)
	e.maxBlock = 4096 // so that rows lie in several parts
	require.NoError(t, e.push(attempt(t.Context(), e.inserter), mixed(300, 2, 3, 150, 299)))
	assert.Equal(t, 296, db.number(t, countGood))
	db.exec(t, "ALTER TABLE otel.otel_logs DROP COLUMN ScopeVersion")
	require.Error(t, e.push(attempt(t.Context(), e.inserter), bodies("all", "of", "it")))
	assert.Equal(t, map[string]int64{"otel_logs": 7}, p.counter(t, "dead_letters", "table"))
	p.stop()

	db.exec(t, "ALTER TABLE otel.otel_logs ADD COLUMN ScopeVersion LowCardinality(String)")
	db.exec(t, "ALTER TABLE otel.otel_logs DROP CONSTRAINT picky")
	files, err := filepath.Glob(filepath.Join(cfg.DeadLetter.Directory, "clickhouse*-logs.jsonl"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	again := start(t, "logs", synchronous(endpoint)).Component.(consumer.Logs)
	for line := range bytes.Lines(text) {
		logs, err := new(plog.JSONUnmarshaler).UnmarshalLogs(line)
		require.NoError(t, err)
		require.NoError(t, again.ConsumeLogs(t.Context(), logs))
	}
	assert.Equal(t, 300, db.number(t, countGood), "with the services that they came with")
	assert.Equal(t, 303, db.number(t, "SELECT count() FROM otel.otel_logs"))
}

// TestDeadLettersInTheLog has them in the log, by default.
func TestDeadLettersInTheLog(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	core, logged := observer.New(zap.WarnLevel)
	set := settings()
	set.Logger = zap.New(core)
	e, err := newLogsExporter(set, synchronous(endpoint))
	require.NoError(t, err)
	require.NoError(t, e.start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, e.gate.pass(t.Context()))
	db.exec(t, "ALTER TABLE otel.otel_logs ADD CONSTRAINT picky CHECK NOT startsWith(Body, 'bad')")
	require.NoError(t, e.push(t.Context(), mixed(100, 42)))
	require.NoError(t, e.shutdown(t.Context()))
	letters := logged.FilterMessage("a row that ClickHouse refused").All()
	require.Len(t, letters, 1)
	assert.Equal(t, "VIOLATED_CONSTRAINT", letters[0].ContextMap()["reason"])
	logs, err := new(plog.JSONUnmarshaler).UnmarshalLogs([]byte(letters[0].ContextMap()["otlp_json"].(string)))
	require.NoError(t, err)
	assert.Equal(t, "bad 42", logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str())
	assert.Equal(t, 1, logged.FilterMessage("ClickHouse refused rows for what they are").Len())
}

// TestDeadLettersNeedTheirDirectory fails to start without it.
func TestDeadLettersNeedTheirDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	cfg := configFor(closedEndpoint(t))
	cfg.DeadLetter.Mode, cfg.DeadLetter.Directory = "file", file
	for signal, create := range signals() {
		e, err := create(t.Context(), settings(), cfg)
		require.NoError(t, err)
		require.ErrorContains(t, e.Start(t.Context(), componenttest.NewNopHost()), "dead_letter.directory: ", signal)
		require.NoError(t, e.Shutdown(t.Context()))
	}
}
