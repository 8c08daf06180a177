// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package embeddedclickhouseextension

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

// Config is the extension's configuration. README.md describes each key.
type Config struct {
	// Endpoint is where the engine serves the native protocol: a loopback
	// address and a port.
	Endpoint string `mapstructure:"endpoint"`
	// Path is the directory of the stored data.
	Path string `mapstructure:"path"`
	// Engine is the path of the clickhouse-engine binary; "" looks beside the
	// agent's executable, then in PATH.
	Engine string `mapstructure:"engine"`
	// Library is the path of libchdb.so; "" is where clickhouse-engine fetch
	// puts it.
	Library string `mapstructure:"library"`
	// MemoryMiB is how much memory the engine may use for data and queries.
	MemoryMiB int `mapstructure:"memory_mib"`
	// StartTimeout is how long the engine may take until it answers.
	StartTimeout time.Duration `mapstructure:"start_timeout"`
	// StopTimeout is how long the engine may take to stop before it is killed.
	StopTimeout time.Duration `mapstructure:"stop_timeout"`
	// Restart says when an engine that died is started again.
	Restart RestartConfig `mapstructure:"restart"`
}

// RestartConfig is the wait before the engine is started again: it doubles
// from InitialInterval to MaxInterval with each death that follows soon.
type RestartConfig struct {
	InitialInterval time.Duration `mapstructure:"initial_interval"`
	MaxInterval     time.Duration `mapstructure:"max_interval"`
}

func createDefaultConfig() component.Config {
	return &Config{
		Endpoint:     "127.0.0.1:9000",
		Path:         "./data",
		MemoryMiB:    2048,
		StartTimeout: 60 * time.Second,
		StopTimeout:  20 * time.Second,
		Restart:      RestartConfig{InitialInterval: 200 * time.Millisecond, MaxInterval: 10 * time.Second},
	}
}

// Validate checks every key.
func (c *Config) Validate() error {
	problems := []error{checkEndpoint(c.Endpoint)}
	if c.Path == "" {
		problems = append(problems, errors.New("path: is empty; set it to the directory that shall hold the data"))
	}
	if c.MemoryMiB < chdblibrary.LeastMemoryMiB {
		problems = append(problems, fmt.Errorf("memory_mib: %d is too little; give the engine at least %d", c.MemoryMiB, chdblibrary.LeastMemoryMiB))
	}
	for key, value := range map[string]time.Duration{
		"start_timeout":            c.StartTimeout,
		"stop_timeout":             c.StopTimeout,
		"restart.initial_interval": c.Restart.InitialInterval,
	} {
		if value <= 0 {
			problems = append(problems, fmt.Errorf("%s: %s is not positive; set it to a duration such as 10s", key, value))
		}
	}
	if c.Restart.MaxInterval < c.Restart.InitialInterval {
		problems = append(problems, fmt.Errorf("restart.max_interval: %s is less than restart.initial_interval (%s); raise it", c.Restart.MaxInterval, c.Restart.InitialInterval))
	}
	return errors.Join(problems...)
}

func checkEndpoint(endpoint string) error {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return fmt.Errorf("endpoint: %q is not host:port, such as 127.0.0.1:9000: %w", endpoint, err)
	}
	ip := net.ParseIP(host)
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("endpoint: %q is not a loopback address, and the engine asks nobody for a password; use 127.0.0.1:%s", endpoint, port)
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return fmt.Errorf("endpoint: the port of %q must be a number from 1 to 65535", endpoint)
	}
	return nil
}
