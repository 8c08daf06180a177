// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package embeddedclickhouseextension

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/confmap/xconfmap"
)

// load reads one case of testdata/config.yaml.
func load(t *testing.T, name string) (*Config, error) {
	t.Helper()
	file, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	section, found := file.ToStringMap()[name]
	require.True(t, found, "no case %s", name)
	cfg := createDefaultConfig().(*Config)
	if err := confmap.NewFromStringMap(section.(map[string]any)).Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, xconfmap.Validate(cfg)
}

// goodCases are how a case differs from the defaults.
func goodCases() map[string]func(*Config) {
	return map[string]func(*Config){
		"embedded_clickhouse":                    func(*Config) {},
		"embedded_clickhouse/endpoint":           func(c *Config) { c.Endpoint = "127.0.0.1:9440" },
		"embedded_clickhouse/endpoint_ipv6":      func(c *Config) { c.Endpoint = "[::1]:9000" },
		"embedded_clickhouse/endpoint_localhost": func(c *Config) { c.Endpoint = "localhost:9000" },
		"embedded_clickhouse/path":               func(c *Config) { c.Path = "/var/lib/fathom/clickhouse" },
		"embedded_clickhouse/engine":             func(c *Config) { c.Engine = "/usr/libexec/fathom/clickhouse-engine" },
		"embedded_clickhouse/library":            func(c *Config) { c.Library = "/usr/lib/libchdb.so" },
		"embedded_clickhouse/memory_mib":         func(c *Config) { c.MemoryMiB = 512 },
		"embedded_clickhouse/start_timeout":      func(c *Config) { c.StartTimeout = 5 * time.Second },
		"embedded_clickhouse/stop_timeout":       func(c *Config) { c.StopTimeout = 3 * time.Second },
		"embedded_clickhouse/restart": func(c *Config) {
			c.Restart = RestartConfig{InitialInterval: time.Second, MaxInterval: time.Minute}
		},
	}
}

// badCases are what each error must say.
func badCases() map[string][]string {
	return map[string][]string{
		"bad/endpoint_without_port":    {`endpoint: "127.0.0.1" is not host:port`},
		"bad/endpoint_not_loopback":    {`endpoint: "0.0.0.0:9000" is not a loopback address`, "use 127.0.0.1:9000"},
		"bad/endpoint_name":            {"is not a loopback address"},
		"bad/endpoint_port_zero":       {"endpoint: the port of"},
		"bad/endpoint_port_name":       {"endpoint: the port of"},
		"bad/path_empty":               {"path: is empty"},
		"bad/memory_mib":               {"memory_mib: 10 is too little; give the engine at least 256"},
		"bad/start_timeout":            {"start_timeout: 0s is not positive"},
		"bad/stop_timeout":             {"stop_timeout: -1s is not positive"},
		"bad/restart_initial_interval": {"restart.initial_interval: 0s is not positive"},
		"bad/restart_max_interval":     {"restart.max_interval: 10s is less than restart.initial_interval (1m0s)"},
		"bad/unknown_key":              {"pasword"},
		"bad/everything_at_once":       {"endpoint:", "path:", "memory_mib:", "start_timeout:", "stop_timeout:"},
	}
}

func TestDefaultConfig(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	require.NoError(t, xconfmap.Validate(createDefaultConfig()))
}

func TestGoodConfigs(t *testing.T) {
	for name, change := range goodCases() {
		t.Run(name, func(t *testing.T) {
			want := createDefaultConfig().(*Config)
			change(want)
			got, err := load(t, name)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestBadConfigs(t *testing.T) {
	for name, wants := range badCases() {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, name)
			require.Error(t, err)
			for _, want := range wants {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

// TestEveryCaseIsTested keeps testdata/config.yaml and the tests together.
func TestEveryCaseIsTested(t *testing.T) {
	file, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	tested := slices.Concat(slices.Collect(maps.Keys(goodCases())), slices.Collect(maps.Keys(badCases())))
	assert.ElementsMatch(t, slices.Collect(maps.Keys(file.ToStringMap())), tested)
}
