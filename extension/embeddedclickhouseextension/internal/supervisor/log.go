// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// maxLine bounds one line of the engine's output, in bytes.
const maxLine = 64 << 10

// logWriter turns the engine's output, lines of JSON as log/slog writes them,
// into entries of the Collector's log. It is written to by one goroutine.
type logWriter struct {
	log     *zap.Logger
	last    *lastLines
	partial []byte
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.partial = append(w.partial, p...)
	for {
		end := bytes.IndexByte(w.partial, '\n') + 1
		if end == 0 && len(w.partial) < maxLine {
			return len(p), nil
		}
		if end == 0 {
			end = maxLine
		}
		w.line(w.partial[:end])
		w.partial = w.partial[end:]
	}
}

// flush passes on a last line that has no end.
func (w *logWriter) flush() {
	if len(w.partial) > 0 {
		w.line(w.partial)
		w.partial = nil
	}
}

func (w *logWriter) line(line []byte) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return
	}
	level, message, fields := parseLine(line)
	if level >= zapcore.WarnLevel {
		w.last.add(message)
	}
	if entry := w.log.Check(level, "engine: "+message); entry != nil {
		entry.Write(fields...)
	}
}

// parseLine reads a line of slog's JSON; any other line is a warning as it
// stands, for the engine writes nothing else unless something is wrong.
func parseLine(line []byte) (zapcore.Level, string, []zap.Field) {
	var entry map[string]any
	if err := json.Unmarshal(line, &entry); err != nil {
		return zapcore.WarnLevel, string(line), nil
	}
	message, _ := entry["msg"].(string)
	name, _ := entry["level"].(string)
	level, err := zapcore.ParseLevel(strings.ToLower(name))
	if err != nil || message == "" {
		return zapcore.WarnLevel, string(line), nil
	}
	var fields []zap.Field
	for key, value := range entry {
		switch key {
		case "time", "level", "msg":
		default:
			fields = append(fields, zap.Any(key, value))
		}
	}
	return level, message, fields
}

// lastLines keeps the last lines that the engine said, for the error that
// tells of its end.
type lastLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *lastLines) add(line string) {
	const kept = 5
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	if len(l.lines) > kept {
		l.lines = l.lines[1:]
	}
}

func (l *lastLines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "; ")
}
