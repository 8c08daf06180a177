// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
)

// ProfilesConfig says how CPUs are sampled. They are only where a pipeline of
// profiles names the receiver, or profiles are served.
type ProfilesConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// Interval between profiles of a process.
	Interval time.Duration `mapstructure:"interval"`
	// Frequency is how often a second each CPU is sampled.
	Frequency int `mapstructure:"frequency"`
	// Pprof serves profiles of the recent past.
	Pprof PprofConfig `mapstructure:"pprof"`
}

// PprofConfig says how profiles are kept and served.
type PprofConfig struct {
	// HTTP is the server; without it no profiles are kept.
	HTTP configoptional.Optional[confighttp.ServerConfig] `mapstructure:"http"`
	// Retention is for how long profiles are kept.
	Retention time.Duration `mapstructure:"retention"`
	// MemoryMiB that kept profiles may take.
	MemoryMiB int `mapstructure:"memory_mib"`
}

const (
	// maxFrequency bounds what sampling costs the whole node: about 1 % of each CPU.
	maxFrequency = 1000
	// minProfileInterval and maxProfileInterval bound the profiles, and a profile.
	minProfileInterval = time.Second
	maxProfileInterval = 10 * time.Minute
	maxProfileMemory   = 16 << 10 // MiB
)

func defaultProfiles() ProfilesConfig {
	return ProfilesConfig{
		Enabled:  true,
		Interval: 10 * time.Second,
		// A prime: what a program does by a timer is seldom in step with it.
		Frequency: 97,
		Pprof: PprofConfig{
			HTTP:      configoptional.Default(confighttp.NewDefaultServerConfig()),
			Retention: 10 * time.Minute,
			MemoryMiB: 32,
		},
	}
}

func (c ProfilesConfig) check() error {
	if !c.Enabled {
		return nil
	}
	var errs []error
	if c.Interval < minProfileInterval || c.Interval > maxProfileInterval {
		errs = append(errs, fmt.Errorf("profiles.interval: %v is not between %v and %v, or profiles.enabled: false", c.Interval, minProfileInterval, maxProfileInterval))
	}
	if c.Frequency < 1 || c.Frequency > maxFrequency {
		errs = append(errs, fmt.Errorf("profiles.frequency: %d is not between 1 and %d samples a second, or profiles.enabled: false", c.Frequency, maxFrequency))
	}
	if server := c.Pprof.HTTP.Get(); server != nil {
		errs = append(errs, c.Pprof.check(server.NetAddr.Endpoint))
	}
	return errors.Join(errs...)
}

func (c PprofConfig) check(endpoint string) error {
	var errs []error
	if endpoint == "" {
		errs = append(errs, errors.New("profiles.pprof.http.endpoint: want where to serve profiles, such as 127.0.0.1:6062"))
	}
	if c.Retention <= 0 {
		errs = append(errs, fmt.Errorf("profiles.pprof.retention: %v keeps nothing: want for how long profiles are kept", c.Retention))
	}
	if c.MemoryMiB < 1 || c.MemoryMiB > maxProfileMemory {
		errs = append(errs, fmt.Errorf("profiles.pprof.memory_mib: %d is not between 1 and %d", c.MemoryMiB, maxProfileMemory))
	}
	return errors.Join(errs...)
}
