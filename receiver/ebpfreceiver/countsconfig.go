// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"time"
)

// BlockConfig says what is told of block devices: which waits for them as events,
// and requests and waits as metrics.
type BlockConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// MinDuration of a wait that is told.
	MinDuration time.Duration `mapstructure:"min_duration"`
}

func (c BlockConfig) check() error {
	if c.Enabled && c.MinDuration < 0 {
		return fmt.Errorf("events.block.min_duration: %v is negative: want 0 for every wait, or events.block.enabled: false for none", c.MinDuration)
	}
	return nil
}

// SignalsConfig says when signals are told as an event. They are counted as a metric.
type SignalsConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// MinCount is how many of one signal in an interval are told.
	MinCount int `mapstructure:"min_count"`
}

func (c SignalsConfig) check() error {
	if c.Enabled && c.MinCount < 1 {
		return fmt.Errorf("events.signals.min_count: %d: want at least 1, or events.signals.enabled: false for none", c.MinCount)
	}
	return nil
}
