// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/confmap/xconfmap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
)

// load reads one receiver of a file of testdata as the Collector would.
func load(t *testing.T, file, id string) (*Config, error) {
	t.Helper()
	all, err := confmaptest.LoadConf(filepath.Join("testdata", file))
	require.NoError(t, err)
	require.True(t, all.IsSet(id), id)
	sub, err := all.Sub(id)
	require.NoError(t, err)
	config := createDefaultConfig()
	if err := sub.Unmarshal(config); err != nil {
		return nil, err
	}
	return config, xconfmap.Validate(config)
}

func TestConfig(t *testing.T) {
	zero := 0
	for id, change := range map[string]func(*Config){
		"ebpf":            func(*Config) {},
		"ebpf/executable": func(c *Config) { c.Targets = []TargetConfig{{Executable: "/opt/shop/*"}} },
		"ebpf/pid":        func(c *Config) { c.Targets = []TargetConfig{{PID: 4711}} },
		"ebpf/cgroup":     func(c *Config) { c.Targets = []TargetConfig{{Cgroup: "/kubepods.slice/**"}} },
		"ebpf/container":  func(c *Config) { c.Targets = []TargetConfig{{Container: "dc579f8a8319"}} },
		"ebpf/open_port": func(c *Config) {
			c.Targets = []TargetConfig{{OpenPort: "8080"}, {OpenPort: "8000-8999", Executable: "/opt/shop/*"}}
		},
		"ebpf/service_name": func(c *Config) { c.Targets = []TargetConfig{{Executable: "/opt/shop/*", ServiceName: "shop"}} },
		"ebpf/sample_rate":  func(c *Config) { c.Targets = []TargetConfig{{Executable: "/opt/shop/*", SampleRate: &zero}} },
		"ebpf/protocols":    func(c *Config) { c.Targets = []TargetConfig{{Executable: "/opt/shop/*", Protocols: []string{"grpc"}}} },
		"ebpf/discovery":    func(c *Config) { c.Discovery.Interval = 5 * time.Second },
		"ebpf/runtime":      func(c *Config) { c.Runtime = RuntimeConfig{Enabled: false, Interval: time.Minute, MaxGoroutines: 0} },
		"ebpf/events":       func(c *Config) { c.Events.File = FileConfig{Enabled: false, MinDuration: 5 * time.Millisecond} },
		"ebpf/ledger":       func(c *Config) { c.Ledger.Mode = ModeExact },
		"ebpf/sampled":      func(c *Config) { c.Ledger.Mode = ModeSampled },
		"ebpf/budget":       func(c *Config) { c.Budget = BudgetConfig{CPUPercent: 1.5, NodeCPUPercent: 25} },
		"ebpf/sdk_spans": func(c *Config) {
			c.SDKSpans, c.Targets = true, []TargetConfig{{Executable: "/opt/shop/*", SDKSpans: new(bool)}}
		},
		"ebpf/goroutines": func(c *Config) {
			c.Goroutines.Interval, c.Goroutines.Top = 5*time.Second, 20
			c.Goroutines.Leak = LeakConfig{Threshold: 0, Growth: 7, Dumps: 3, MinAge: time.Minute}
		},
		"ebpf/gc": func(c *Config) {
			c.GC.Conditions = []GCConditionConfig{{Cycles: 50, Within: time.Second}, {AssistPercent: 12.5, Within: time.Minute},
				{PauseOver: time.Millisecond, Times: 1, Within: 2 * time.Second}}
		},
		"ebpf/no_gc": func(c *Config) { c.GC.Conditions = []GCConditionConfig{} },
		"ebpf/network": func(c *Config) {
			c.Events.Network = NetworkConfig{Enabled: false, MinDuration: 5 * time.Millisecond, MaxPeers: 7}
		},
		"ebpf/dns":         func(c *Config) { c.Events.DNS = WaitConfig{Enabled: false, MinDuration: 5 * time.Millisecond} },
		"ebpf/tls":         func(c *Config) { c.Events.TLS = WaitConfig{Enabled: false, MinDuration: 5 * time.Millisecond} },
		"ebpf/throttling":  func(c *Config) { c.Events.Throttling.Enabled = false },
		"ebpf/page_faults": func(c *Config) { c.Events.PageFaults = PageFaultsConfig{Enabled: false, MinMajor: 7} },
		"ebpf/block":       func(c *Config) { c.Events.Block = BlockConfig{Enabled: false, MinDuration: 5 * time.Millisecond} },
		"ebpf/signals":     func(c *Config) { c.Events.Signals = SignalsConfig{Enabled: false, MinCount: 7} },
		"ebpf/allocations": func(c *Config) { c.Allocations = AllocationsConfig{Enabled: true, Interval: 5 * time.Second, Top: 0} },
		"ebpf/profiles": func(c *Config) {
			c.Profiles.Interval, c.Profiles.Frequency = time.Minute, 19
			server := confighttp.NewDefaultServerConfig()
			server.NetAddr.Endpoint = "127.0.0.1:6062"
			c.Profiles.Pprof = PprofConfig{HTTP: configoptional.Some(server), Retention: time.Hour, MemoryMiB: 7}
		},
		"ebpf/scheduler": func(c *Config) {
			c.Events.Scheduler = SchedulerConfig{Enabled: false, MinDuration: 5 * time.Millisecond}
		},
	} {
		t.Run(id, func(t *testing.T) {
			want := createDefaultConfig()
			change(want)
			got, err := load(t, "config.yaml", id)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestConfigIsRefused(t *testing.T) {
	for id, wants := range map[string][]string{
		"ebpf/unknown_key":  {"budgets"},
		"ebpf/empty_target": {"targets", "0", "selects nothing"},
		"ebpf/relative":     {"executable", "absolute"},
		"ebpf/glob":         {"executable", "glob"},
		"ebpf/negative_pid": {"pid", "-1"},
		"ebpf/container":    {"targets[0]", "container", "shop-cart-1", "12 hex digits", "targets[1]", "glob"},
		"ebpf/open_port":    {"targets[0]", "targets[1]", "targets[2]", "targets[3]", "open_port", "9000-8000", "65536", "http", "8000-8999"},
		"ebpf/sample_rate":  {"sample_rate", "1001", "1000"},
		"ebpf/protocols":    {"protocols[1]", "smtp", "http grpc"},
		"ebpf/discovery":    {"discovery.interval", "100ms"},
		"ebpf/runtime":      {"runtime.interval", "enabled: false", "runtime.max_goroutines", "-1"},
		"ebpf/events":       {"events.file.min_duration", "events.file.enabled"},
		"ebpf/gc": {"gc.conditions[0].pause_over", "gc.conditions[1].times", "gc.conditions[1].within", "gc.conditions[2].assist_percent",
			"gc.conditions[3].pause_over"},
		"ebpf/ledger":      {"ledger.mode", "perfect", "governed", "exact", "sampled"},
		"ebpf/budget":      {"budget.cpu_percent", "budget.node_cpu_percent", "-1", "ledger.mode"},
		"ebpf/network":     {"events.network.min_duration", "events.network.max_peers", "events.network.enabled"},
		"ebpf/page_faults": {"events.page_faults.min_major", "events.page_faults.enabled"},
		"ebpf/block":       {"events.block.min_duration", "events.block.enabled"},
		"ebpf/signals":     {"events.signals.min_count", "events.signals.enabled"},
		"ebpf/allocations": {"allocations.interval", "allocations.enabled", "allocations.top", "1000"},
		"ebpf/profiles": {"profiles.interval", "profiles.frequency", "profiles.pprof.http.endpoint", "127.0.0.1:6062",
			"profiles.pprof.retention", "profiles.pprof.memory_mib", "profiles.enabled"},
		"ebpf/scheduler":   {"events.scheduler.min_duration", "events.scheduler.enabled"},
		"ebpf/all_at_once": {"targets[1]", "selects nothing", "sample_rate", "discovery.interval", "runtime.interval"},
		"ebpf/goroutines": {"goroutines.interval", "goroutines.enabled", "goroutines.top", "1000", "goroutines.leak.threshold",
			"goroutines.leak.growth", "goroutines.leak.dumps", "between 3 and 60", "goroutines.leak.min_age"},
	} {
		t.Run(id, func(t *testing.T) {
			_, err := load(t, "config_bad.yaml", id)
			require.Error(t, err)
			for _, want := range wants {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

// The Collector validates the parts of a configuration by itself.
func TestAnErrorIsToldOnce(t *testing.T) {
	for id, mention := range map[string]string{
		"ebpf/empty_target": "selects nothing", "ebpf/relative": "absolute", "ebpf/negative_pid": "-1",
		"ebpf/sample_rate": "1001 is not", "ebpf/discovery": "discovery.interval", "ebpf/events": "min_duration",
	} {
		_, err := load(t, "config_bad.yaml", id)
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(err.Error(), mention), "%s: %v", id, err)
	}
}

func TestEveryCaseOfTheFilesIsTested(t *testing.T) {
	for file, n := range map[string]int{"config.yaml": 29, "config_bad.yaml": 26} {
		all, err := confmaptest.LoadConf(filepath.Join("testdata", file))
		require.NoError(t, err)
		require.Len(t, all.ToStringMap(), n, file)
	}
}

func TestSampleRateDefaultsToAll(t *testing.T) {
	require.Equal(t, discover.Target{PID: 1, SampleRate: 1000}, TargetConfig{PID: 1}.target())
	rate := 5
	require.Equal(t, 5, TargetConfig{SampleRate: &rate}.target().SampleRate)
}

func TestDefaultConfigIsValid(t *testing.T) {
	require.NoError(t, xconfmap.Validate(createDefaultConfig()))
	require.NoError(t, confmap.New().Unmarshal(createDefaultConfig()))
}
