// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"
	"fmt"
	"time"
)

// AllocationsConfig says how the heap profiles of the observed processes are
// read, and what is told of them.
type AllocationsConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// Interval between reads of a process's heap profile.
	Interval time.Duration `mapstructure:"interval"`
	// Top is how many of the sites that allocated most are told as events.
	Top int `mapstructure:"top"`
}

func defaultAllocations() AllocationsConfig {
	return AllocationsConfig{Enabled: true, Interval: time.Minute, Top: 10}
}

func (c AllocationsConfig) check() error {
	if !c.Enabled {
		return nil
	}
	var errs []error
	if c.Interval < minInterval {
		errs = append(errs, fmt.Errorf("allocations.interval: %v is too short: want at least %v, or allocations.enabled: false", c.Interval, minInterval))
	}
	if c.Top < 0 || c.Top > maxTop {
		errs = append(errs, fmt.Errorf("allocations.top: %d is not between 0 and %d: it is how many sites of a process are told", c.Top, maxTop))
	}
	return errors.Join(errs...)
}
