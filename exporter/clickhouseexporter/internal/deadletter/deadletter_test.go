// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestExcerptsAreTheRows makes an excerpt of each row of every table, reads it
// again, and compares its row with the one of the table.
func TestExcerptsAreTheRows(t *testing.T) {
	traces := rows.NewTraces()
	traces.Append(rowstest.Traces())
	for row := range traces.Rows() {
		text, err := Traces(rowstest.Traces())(row, row+1)
		require.NoError(t, err)
		read, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(text)
		require.NoError(t, err)
		one := rows.NewTraces()
		one.Append(read)
		assert.Equal(t, digest(t, traces, row, row+1), digest(t, one, 0, one.Rows()), "%s", text)
	}
	logs := rows.NewLogs()
	logs.Append(rowstest.Logs())
	for row := range logs.Rows() {
		text, err := Logs(rowstest.Logs())(row, row+1)
		require.NoError(t, err)
		read, err := new(plog.JSONUnmarshaler).UnmarshalLogs(text)
		require.NoError(t, err)
		one := rows.NewLogs()
		one.Append(read)
		assert.Equal(t, digest(t, logs, row, row+1), digest(t, one, 0, one.Rows()), "%s", text)
	}
	metrics := rows.NewMetrics()
	metrics.Append(rowstest.Metrics())
	for _, kind := range rows.MetricTypes() {
		table := metrics.Block(kind)
		for row := range table.Rows() {
			text, err := Metrics(rowstest.Metrics(), kind)(row, row+1)
			require.NoError(t, err)
			read, err := new(pmetric.JSONUnmarshaler).UnmarshalMetrics(text)
			require.NoError(t, err)
			assert.Equal(t, 1, read.DataPointCount())
			one := rows.NewMetrics()
			one.Append(read)
			assert.Equal(t, digest(t, table, row, row+1), digest(t, one.Block(kind), 0, 1), "%s", text)
		}
	}
}

func digest(t *testing.T, block rows.MetricBlock, from, to int) uint64 {
	t.Helper()
	sum, _, err := rows.NewDigester().Digest(rows.Window(block.Input(), from, to))
	require.NoError(t, err)
	return sum
}

// numbered is an excerpt of rows of that length.
func numbered(length int) Excerpt {
	return func(from, to int) ([]byte, error) {
		return []byte(strings.Repeat(strings.Repeat("r", length)+",", to-from)), nil
	}
}

// lines is the lengths of the lines of all files of a directory.
func lines(t *testing.T, directory string) (files int, lengths []int) {
	t.Helper()
	entries, err := os.ReadDir(directory)
	require.NoError(t, err)
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(directory, entry.Name()))
		require.NoError(t, err)
		for line := range bytes.Lines(text) {
			lengths = append(lengths, len(line)-1)
		}
	}
	return len(entries), lengths
}

func TestFileCutsLines(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "new", "ly")
	f, err := NewFile(directory, "clickhouse/a", "logs", 100, 1)
	require.NoError(t, err)
	assert.Equal(t, Outcome{Written: 600}, f.Write("t", "r", numbered(9), 0, 600))
	assert.Equal(t, Outcome{Written: 4}, f.Write("t", "r", numbered(maxLine/2), 0, 4))
	assert.Equal(t, Outcome{Written: 1}, f.Write("t", "r", numbered(2*maxLine), 0, 1))
	require.NoError(t, f.Close())
	_, lengths := lines(t, directory)
	each := maxLine/2 + 1
	assert.Equal(t, []int{2560, 2560, 880, each, each, each, each, 2*maxLine + 1}, lengths)
	info, err := os.Stat(filepath.Join(directory, "clickhouse%2Fa-logs.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
}

// TestFileIsBounded writes ten times as much as may be there.
func TestFileIsBounded(t *testing.T) {
	directory := t.TempDir()
	f, err := NewFile(directory, "clickhouse", "logs", 1, 2)
	require.NoError(t, err)
	for n := range 60 {
		require.Equal(t, Outcome{Written: 1}, f.Write("t", "r", numbered(maxLine/2), n, n+1))
		time.Sleep(2 * time.Millisecond) // files are named by the millisecond
	}
	tooLong := f.Write("t", "r", numbered(2*maxLine), 0, 1)
	assert.Equal(t, 1, tooLong.Failed)
	require.ErrorContains(t, tooLong.Err, "clickhouse-logs.jsonl")
	require.Eventually(t, func() bool {
		files, _ := lines(t, directory)
		return files <= 3
	}, time.Minute, 10*time.Millisecond, "older files are removed in the background")
	require.NoError(t, f.Close())
}

// TestFileGoesOnAfterAFailure has lines that cannot be written between others.
func TestFileGoesOnAfterAFailure(t *testing.T) {
	directory := t.TempDir()
	f, err := NewFile(directory, "clickhouse", "logs", 1, 1)
	require.NoError(t, err)
	assert.Equal(t, 1, f.Write("t", "r", numbered(9), 0, 1).Written)
	assert.Equal(t, 1, f.Write("t", "r", numbered(2*maxLine), 0, 1).Failed)
	refused := f.Write("t", "r", func(int, int) ([]byte, error) { return nil, errors.New("no JSON") }, 0, 3)
	assert.Equal(t, 3, refused.Failed)
	require.ErrorContains(t, refused.Err, "no JSON")
	assert.Equal(t, 1, f.Write("t", "r", numbered(9), 0, 1).Written)
	require.NoError(t, f.Close())
	_, lengths := lines(t, directory)
	assert.Equal(t, []int{10, 0, 10}, lengths, "what may be torn ends at its line")
	_, err = NewFile(filepath.Join(directory, "clickhouse-logs.jsonl"), "clickhouse", "logs", 1, 1)
	require.ErrorContains(t, err, "make the directory for dead letters")
}

// TestLogIsBounded logs as much as there is room for, and cuts what is long.
func TestLogIsBounded(t *testing.T) {
	core, logged := observer.New(zap.WarnLevel)
	l := NewLog(zap.New(core))
	now := time.Now()
	l.now, l.since = func() time.Time { return now }, now
	assert.Equal(t, Outcome{Written: 2}, l.Write("t", "r", numbered(2*MaxLogged), 0, 2))
	assert.Equal(t, Outcome{Written: LoggedAtOnce - 2, LeftOut: 998 - (LoggedAtOnce - 2)}, l.Write("t", "r", numbered(9), 0, 998))
	now = now.Add(3*LogInterval + time.Second)
	assert.Equal(t, Outcome{Written: 3, LeftOut: 7}, l.Write("t", "r", numbered(9), 0, 10))
	now = now.Add(time.Hour)
	assert.Equal(t, Outcome{Written: LoggedAtOnce, LeftOut: 1}, l.Write("t", "r", numbered(9), 0, LoggedAtOnce+1))
	failed := l.Write("t", "r", func(int, int) ([]byte, error) { return nil, errors.New("no JSON") }, 0, 1)
	assert.Equal(t, Outcome{LeftOut: 1}, failed)
	now = now.Add(time.Hour)
	failed = l.Write("t", "r", func(int, int) ([]byte, error) { return nil, errors.New("no JSON") }, 0, 1)
	assert.Equal(t, 1, failed.Failed)
	require.ErrorContains(t, failed.Err, "no JSON")
	first := logged.All()[0].ContextMap()
	assert.Len(t, first["otlp_json"], MaxLogged)
	assert.Equal(t, int64(2*MaxLogged+1), first["bytes"])
	assert.Equal(t, "t", first["table"])
	assert.Equal(t, "r", first["reason"])
	assert.Equal(t, 2*LoggedAtOnce+3, logged.Len())
	require.NoError(t, l.Close())
}
