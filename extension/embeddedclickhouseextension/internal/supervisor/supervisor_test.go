// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestBackoff(t *testing.T) {
	b := backoff{initial: time.Second, max: 5 * time.Second}
	var waits []time.Duration
	for range 5 {
		b.ran(time.Second)
		waits = append(waits, b.next())
	}
	assert.Equal(t, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second}, waits)
	b.ran(time.Minute)
	assert.Equal(t, time.Second, b.next())
}

func TestParseLine(t *testing.T) {
	for line, want := range map[string]struct {
		level   zapcore.Level
		message string
		fields  int
	}{
		`{"time":"2026","level":"INFO","msg":"serving","address":"a","path":"p"}`: {zapcore.InfoLevel, "serving", 2},
		`{"level":"ERROR","msg":"broken"}`:                                        {zapcore.ErrorLevel, "broken", 0},
		`{"level":"LOUD","msg":"broken"}`:                                         {zapcore.WarnLevel, `{"level":"LOUD","msg":"broken"}`, 0},
		`{"level":"INFO"}`:                                                        {zapcore.WarnLevel, `{"level":"INFO"}`, 0},
		`[1]`:                                                                     {zapcore.WarnLevel, `[1]`, 0},
		`clickhouse-engine: no library`:                                           {zapcore.WarnLevel, `clickhouse-engine: no library`, 0},
	} {
		level, message, fields := parseLine([]byte(line))
		assert.Equal(t, want.level, level, line)
		assert.Equal(t, want.message, message, line)
		assert.Len(t, fields, want.fields, line)
	}
}

func TestLogWriter(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	w := &logWriter{log: zap.New(core), last: &lastLines{}}
	for _, part := range []string{`{"level":"INFO","msg":"o`, "ne\"}\n\nfirst\nsec", "ond\n", strings.Repeat("x", maxLine+10), "\nlast"} {
		n, err := w.Write([]byte(part))
		assert.NoError(t, err)
		assert.Equal(t, len(part), n)
	}
	w.flush()
	var lines []string
	for _, entry := range logs.All() {
		lines = append(lines, entry.Message)
	}
	assert.Equal(t, []string{
		"engine: one", "engine: first", "engine: second",
		"engine: " + strings.Repeat("x", maxLine), "engine: " + strings.Repeat("x", 10), "engine: last",
	}, lines)
	assert.True(t, strings.HasSuffix(w.last.text(), "; last"))
}

func TestLastLinesKeepsFew(t *testing.T) {
	l := &lastLines{}
	for range 100 {
		l.add("x")
	}
	assert.Equal(t, "x; x; x; x; x", l.text())
}
