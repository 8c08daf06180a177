// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/cardinality"
)

// CardinalityConfig bounds keys and values of attributes.
type CardinalityConfig struct {
	// Keys bounds the keys of a column.
	Keys LimitConfig `mapstructure:"keys"`
	// Values bounds the values of a key in an interval.
	Values LimitConfig `mapstructure:"values"`
	// Length bounds a value, in bytes.
	Length LimitConfig `mapstructure:"length"`
	// Interval is how often values are counted anew, and what is over a limit is
	// reported.
	Interval time.Duration `mapstructure:"interval"`
}

// LimitConfig is a bound and what becomes of what is over it.
type LimitConfig struct {
	// Limit is the bound, 0 for none.
	Limit int `mapstructure:"limit"`
	// Action is keep, truncate, hash or drop.
	Action cardinality.Action `mapstructure:"action"`
}

const (
	// mostValues is the largest limit of a key's values.
	mostValues = 100_000
	// leastLength is the smallest limit of a value's length: a digest is shorter.
	leastLength = 64
)

func defaultCardinality() CardinalityConfig {
	none := LimitConfig{Action: cardinality.Keep}
	return CardinalityConfig{Keys: none, Values: none, Length: none, Interval: time.Minute}
}

func (c CardinalityConfig) limits() cardinality.Limits {
	return cardinality.Limits{
		Keys:   cardinality.Limit{Max: c.Keys.Limit, Action: c.Keys.Action},
		Values: cardinality.Limit{Max: c.Values.Limit, Action: c.Values.Action},
		Length: cardinality.Limit{Max: c.Length.Limit, Action: c.Length.Action},
	}
}

func (c CardinalityConfig) validate() error {
	var interval error
	if c.Interval < time.Second {
		interval = fmt.Errorf("cardinality.interval: %s must be at least 1s", c.Interval)
	}
	return errors.Join(
		c.Keys.validate("cardinality.keys", 1, cardinality.MostKeys, cardinality.Keep, cardinality.Drop),
		c.Values.validate("cardinality.values", 1, mostValues, cardinality.Keep, cardinality.Hash, cardinality.Drop),
		c.Length.validate("cardinality.length", leastLength, 1<<30,
			cardinality.Keep, cardinality.Truncate, cardinality.Hash, cardinality.Drop),
		interval)
}

func (c LimitConfig) validate(key string, least, most int, actions ...cardinality.Action) error {
	var errs error
	if c.Limit != 0 && (c.Limit < least || c.Limit > most) {
		errs = fmt.Errorf("%s.limit: %d must be 0, which is none, or from %d to %d", key, c.Limit, least, most)
	}
	switch {
	case !slices.Contains(actions, c.Action):
		names := make([]string, len(actions))
		for i, action := range actions {
			names[i] = string(action)
		}
		errs = errors.Join(errs, fmt.Errorf("%s.action: %q is none of %s", key, c.Action, strings.Join(names, ", ")))
	case c.Limit == 0 && c.Action != cardinality.Keep:
		errs = errors.Join(errs, fmt.Errorf("%s.action: has no effect without %s.limit; set both or neither", key, key))
	}
	return errs
}

// newGuard is the guard on the attributes that come, nil where none is configured.
func (i *inserter) newGuard() *cardinality.Guard {
	limits := i.config.Cardinality.limits()
	if !limits.Any() {
		return nil
	}
	return cardinality.New(limits, i.config.Cardinality.Interval, func(report cardinality.Report) {
		worst := make([]string, len(report.Offenders))
		for n, offender := range report.Offenders {
			worst[n] = offender.String()
		}
		i.logger.Warn("attributes are over their limits", zap.String("signal", i.account.signal),
			zap.Duration("within", report.Took), zap.Strings("worst", worst), zap.Int("others", report.Others))
	})
}

// countExcess counts attributes that are over a limit.
func (i *inserter) countExcess(ctx context.Context, tally cardinality.Tally) {
	for column, excesses := range tally {
		for excess, n := range excesses {
			if n > 0 {
				i.telemetry.AttributesOverLimit.Add(ctx, n, metric.WithAttributes(
					attribute.String("signal", i.account.signal),
					attribute.String("column", cardinality.Column(column).String()),
					attribute.String("limit", cardinality.Excess(excess).String())))
			}
		}
	}
}
