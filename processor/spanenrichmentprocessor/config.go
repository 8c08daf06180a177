// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
)

// maxMemoryMiB is a terabyte: more is a slip of the pen, and would overflow in bytes at some point.
const maxMemoryMiB = 1 << 20

// Config of the span_enrichment processor.
type Config struct {
	// Wait is for how long a span of an observed service waits for its ledger.
	// 0 holds no span.
	Wait time.Duration `mapstructure:"wait"`
	// Retention is for how long a record waits for its span.
	Retention time.Duration `mapstructure:"retention"`
	// MemoryMiB bounds records, held spans and what is remembered of spans that
	// left, together, in MiB.
	MemoryMiB int `mapstructure:"memory_mib"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// createDefaultConfig: SDKs export spans some seconds after their end, the
// receiver its records sooner, so records wait for long and spans hardly.
func createDefaultConfig() component.Config {
	return &Config{
		Wait:      500 * time.Millisecond,
		Retention: 30 * time.Second,
		MemoryMiB: 64,
	}
}

// Validate reports everything that is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	if c.Wait < 0 {
		errs = append(errs, fmt.Errorf("wait: %s is negative; use 0 to hold no span", c.Wait))
	}
	if c.Retention <= 0 {
		errs = append(errs, fmt.Errorf("retention: %s keeps no record; use a positive duration such as 30s", c.Retention))
	}
	if c.Wait > c.Retention && c.Retention > 0 {
		errs = append(errs, fmt.Errorf("wait: %s is longer than retention (%s), so a span would wait for records that are gone; lower wait or raise retention", c.Wait, c.Retention))
	}
	if c.MemoryMiB < 1 || c.MemoryMiB > maxMemoryMiB {
		errs = append(errs, fmt.Errorf("memory_mib: %d is not within 1 and %d; use a number of MiB such as 64", c.MemoryMiB, maxMemoryMiB))
	}
	return errors.Join(errs...)
}
