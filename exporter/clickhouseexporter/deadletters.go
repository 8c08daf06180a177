// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/deadletter"
)

// DeadLetterConfig is what becomes of rows that ClickHouse refuses for good.
type DeadLetterConfig struct {
	// Mode is log (the Collector's), file or none.
	Mode string `mapstructure:"mode"`
	// Directory holds the files.
	Directory string `mapstructure:"directory"`
	// Rotation bounds the files.
	Rotation RotationConfig `mapstructure:"rotation"`
}

// RotationConfig bounds a file and what it is rotated to.
type RotationConfig struct {
	// MaxMegabytes is the size at which a file is rotated.
	MaxMegabytes int `mapstructure:"max_megabytes"`
	// MaxBackups is how many older files are kept.
	MaxBackups int `mapstructure:"max_backups"`
}

const (
	deadLetterLog  = "log"
	deadLetterFile = "file"
	deadLetterNone = "none"
)

func defaultDeadLetter() DeadLetterConfig {
	return DeadLetterConfig{Mode: deadLetterLog, Rotation: RotationConfig{MaxMegabytes: 100, MaxBackups: 3}}
}

func (c DeadLetterConfig) validate() error {
	var errs error
	add := func(format string, args ...any) { errs = errors.Join(errs, fmt.Errorf(format, args...)) }
	switch c.Mode {
	case deadLetterFile:
		if c.Directory == "" {
			add("dead_letter.directory: must be set with dead_letter.mode: file")
		}
	case deadLetterLog, deadLetterNone:
		if c.Directory != "" {
			add("dead_letter.directory: has no effect without dead_letter.mode: file; set both or neither")
		}
	default:
		add("dead_letter.mode: %q is unknown; set it to log, file or none", c.Mode)
	}
	if c.Rotation.MaxMegabytes < 1 {
		add("dead_letter.rotation.max_megabytes: %d must be at least 1", c.Rotation.MaxMegabytes)
	}
	if c.Rotation.MaxBackups < 1 {
		add("dead_letter.rotation.max_backups: %d must be at least 1", c.Rotation.MaxBackups)
	}
	return errs
}

// deadLetters takes rows that ClickHouse refused for good.
type deadLetters interface {
	Write(table, reason string, rows deadletter.Excerpt, from, to int) deadletter.Outcome
	Close() error
}

// openDeadLetters begins to take dead letters, as configured.
func (i *inserter) openDeadLetters() error {
	switch c := i.config.DeadLetter; c.Mode {
	case deadLetterLog:
		i.letters = deadletter.NewLog(i.logger)
	case deadLetterFile:
		file, err := deadletter.NewFile(c.Directory, i.id, i.account.signal, c.Rotation.MaxMegabytes, c.Rotation.MaxBackups)
		if err != nil {
			return fmt.Errorf("dead_letter.directory: %w", err)
		}
		i.letters = file
	}
	return nil
}

// bury writes rows of a table to the dead letters, and counts them there.
func (i *inserter) bury(ctx context.Context, table, reason string, rows deadletter.Excerpt, from, to int) {
	if i.letters == nil {
		return
	}
	outcome := i.letters.Write(table, reason, rows, from, to)
	if outcome.Err != nil {
		i.logger.Error("refused rows are not among the dead letters", zap.String("table", table),
			zap.Int("rows", outcome.Failed), zap.Error(outcome.Err))
	}
	for name, n := range map[string]int{"written": outcome.Written, "left_out": outcome.LeftOut, "failed": outcome.Failed} {
		if n > 0 {
			i.telemetry.DeadLetters.Add(ctx, int64(n),
				metric.WithAttributes(attribute.String("table", table), attribute.String("outcome", name)))
		}
	}
}
