// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// RetentionConfig is how long, and where, the rows of each signal are kept. It
// is used when tables are created.
type RetentionConfig struct {
	// Traces is for the table of spans, and what is filled out of it.
	Traces SignalRetentionConfig `mapstructure:"traces"`
	// Logs is for the table of log records, and what is filled out of it.
	Logs SignalRetentionConfig `mapstructure:"logs"`
	// Metrics is for the five tables of metrics.
	Metrics SignalRetentionConfig `mapstructure:"metrics"`
	// Profiles is for the table of profiles.
	Profiles SignalRetentionConfig `mapstructure:"profiles"`
}

// SignalRetentionConfig is how long, and where, the rows of a signal are kept.
type SignalRetentionConfig struct {
	// TTL is the age at which they are dropped; 0 is the exporter's ttl.
	TTL time.Duration `mapstructure:"ttl"`
	// StoragePolicy is one of the server's, its default if empty.
	StoragePolicy string `mapstructure:"storage_policy"`
	// Move takes them to other volumes or disks of the policy.
	Move []MoveConfig `mapstructure:"move"`
}

// MoveConfig takes rows to another place at an age.
type MoveConfig struct {
	// After is that age.
	After time.Duration `mapstructure:"after"`
	// ToVolume is a volume of the storage policy.
	ToVolume string `mapstructure:"to_volume"`
	// ToDisk is a disk of the storage policy.
	ToDisk string `mapstructure:"to_disk"`
}

// of is a signal's retention, with the exporter's ttl where it has none.
func (c SignalRetentionConfig) of(ttl time.Duration) schema.Retention {
	retention := schema.Retention{TTL: cmp.Or(c.TTL, ttl), Policy: c.StoragePolicy}
	for _, move := range c.Move {
		retention.Moves = append(retention.Moves, schema.Move{After: move.After, Volume: move.ToVolume, Disk: move.ToDisk})
	}
	return retention
}

// wholeSeconds reports whether an age is one that the tables' times can tell.
func wholeSeconds(age time.Duration) bool { return age >= 0 && age%time.Second == 0 }

func (cfg *Config) validateRetention() error {
	return errors.Join(
		cfg.Retention.Traces.validate("retention.traces", cfg.TTL),
		cfg.Retention.Logs.validate("retention.logs", cfg.TTL),
		cfg.Retention.Metrics.validate("retention.metrics", cfg.TTL),
		cfg.Retention.Profiles.validate("retention.profiles", cfg.TTL),
	)
}

func (c SignalRetentionConfig) validate(key string, ttl time.Duration) error {
	var errs error
	add := func(format string, args ...any) { errs = errors.Join(errs, fmt.Errorf(format, args...)) }
	if !wholeSeconds(c.TTL) {
		add("%s.ttl: %s must be zero or a positive number of whole seconds", key, c.TTL)
	}
	end := cmp.Or(c.TTL, ttl)
	var last time.Duration
	for i, move := range c.Move {
		at := fmt.Sprintf("%s.move[%d]", key, i)
		switch {
		case move.After <= 0 || !wholeSeconds(move.After):
			add("%s.after: %s must be a positive number of whole seconds", at, move.After)
		case move.After <= last:
			add("%s.after: %s must be more than the %s of the move before", at, move.After, last)
		case end > 0 && move.After >= end:
			add("%s.after: %s must be less than the ttl, %s, at which rows are dropped", at, move.After, end)
		}
		last = move.After
		if (move.ToVolume == "") == (move.ToDisk == "") {
			add("%s: set to_volume or to_disk, and not both", at)
		}
	}
	return errs
}
