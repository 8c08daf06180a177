// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/confmap/xconfmap"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// load reads one case of testdata/config.yaml.
func load(t *testing.T, name string) (*Config, error) {
	t.Helper()
	file, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	id := component.NewIDWithName(metadata.Type, name)
	require.Contains(t, file.ToStringMap(), id.String())
	section, err := file.Sub(id.String())
	require.NoError(t, err)
	config := createDefaultConfig().(*Config)
	if err := section.Unmarshal(config); err != nil {
		return nil, err
	}
	return config, xconfmap.Validate(config)
}

func TestDefaultConfig(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
}

func TestGoodConfigs(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"":           func(*Config) {},
		"wait":       func(c *Config) { c.Wait = 2 * time.Second },
		"wait_none":  func(c *Config) { c.Wait = 0 },
		"retention":  func(c *Config) { c.Retention = 2 * time.Minute },
		"memory_mib": func(c *Config) { c.MemoryMiB = 256 },
	} {
		t.Run(name, func(t *testing.T) {
			want := &Config{Wait: 500 * time.Millisecond, Retention: 30 * time.Second, MemoryMiB: 64}
			change(want)
			got, err := load(t, name)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestBadConfigs(t *testing.T) {
	for name, wants := range map[string][]string{
		"bad_wait":            {"wait: -1s is negative; use 0"},
		"bad_retention":       {"retention: 0s keeps no record; use a positive duration"},
		"bad_memory_mib":      {"memory_mib: 0 is not within 1 and 1048576"},
		"bad_memory_mib_huge": {"memory_mib: 2000000 is not within 1 and 1048576"},
		"bad_contradiction":   {"wait: 31s is longer than retention (30s)", "lower wait or raise retention"},
		"bad_everything":      {"wait: -5s", "retention: -1s", "memory_mib: -64"},
		"bad_key":             {"max_wait"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, name)
			require.Error(t, err)
			for _, want := range wants {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}
