// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// LoggedAtOnce is how many rows the log takes at once; after that one each
	// LogInterval.
	LoggedAtOnce = 10
	// LogInterval is how long the log takes to have room for another row.
	LogInterval = 10 * time.Second
	// MaxLogged is how many bytes of a row's JSON are in the log.
	MaxLogged = 16 << 10
)

// Log writes refused rows to a log, within bounds. It is safe for concurrent use.
type Log struct {
	logger *zap.Logger
	now    func() time.Time

	mu   sync.Mutex
	room int
	// since is when room was last what it is.
	since time.Time
}

// NewLog makes a log.
func NewLog(logger *zap.Logger) *Log {
	return &Log{logger: logger, now: time.Now, room: LoggedAtOnce, since: time.Now()}
}

// Write logs the rows from up to to of a table, one line each, as many as there
// is room for.
func (l *Log) Write(table, reason string, rows Excerpt, from, to int) Outcome {
	room := l.take(to - from)
	outcome := Outcome{LeftOut: to - from - room}
	for row := from; row < from+room; row++ {
		text, err := rows(row, row+1)
		if err != nil {
			outcome.Failed++
			outcome.Err = fmt.Errorf("log a refused row: %w", err)
			continue
		}
		outcome.Written++
		l.logger.Warn("a row that ClickHouse refused", zap.String("table", table), zap.String("reason", reason),
			zap.Int("bytes", len(text)), zap.ByteString("otlp_json", text[:min(len(text), MaxLogged)]))
	}
	return outcome
}

// take is how many of the wanted rows may be logged.
func (l *Log) take(wanted int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if more := int(l.now().Sub(l.since) / LogInterval); more > 0 {
		l.room = min(l.room+more, LoggedAtOnce)
		l.since = l.since.Add(time.Duration(more) * LogInterval)
	}
	taken := min(wanted, l.room)
	l.room -= taken
	return taken
}

// Close does nothing: the log is the Collector's.
func (*Log) Close() error { return nil }
