// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goroutines"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// Config of the receiver.
type Config struct {
	// Targets select the processes that are observed; the first that matches a
	// process counts. None: every Go process.
	Targets []TargetConfig `mapstructure:"targets"`
	// Discovery of processes.
	Discovery DiscoveryConfig `mapstructure:"discovery"`
	// Runtime metrics of the observed processes.
	Runtime RuntimeConfig `mapstructure:"runtime"`
	// Events of the kernel that become log records.
	Events EventsConfig `mapstructure:"events"`
	// Ledger says how time ledgers are made.
	Ledger LedgerConfig `mapstructure:"ledger"`
	// Budget bounds what probes cost.
	Budget BudgetConfig `mapstructure:"budget"`
	// Goroutines of the observed processes.
	Goroutines GoroutinesConfig `mapstructure:"goroutines"`
	// GC says what is told of garbage collectors.
	GC GCConfig `mapstructure:"gc"`
	// Profiles of what the observed processes do on CPUs.
	Profiles ProfilesConfig `mapstructure:"profiles"`
	// SDKSpans tells the spans of OpenTelemetry SDKs whole, as their exporters would.
	SDKSpans bool `mapstructure:"sdk_spans"`
	// Allocations of the observed processes.
	Allocations AllocationsConfig `mapstructure:"allocations"`
}

// TargetConfig selects processes: all keys that are set must match.
type TargetConfig struct {
	// Executable is a glob on the path of the executable, ** included.
	Executable string `mapstructure:"executable"`
	// PID of one process.
	PID int `mapstructure:"pid"`
	// Cgroup is a glob on the process's cgroup v2 path.
	Cgroup string `mapstructure:"cgroup"`
	// Container is the beginning of the ID of a process's container, or a glob on it.
	Container string `mapstructure:"container"`
	// OpenPort is a port on which the process listens, or a range of ports.
	OpenPort PortRange `mapstructure:"open_port"`
	// ServiceName of the processes. Default: OTEL_SERVICE_NAME of the process,
	// else service.name in its OTEL_RESOURCE_ATTRIBUTES, else the executable's name.
	ServiceName string `mapstructure:"service_name"`
	// SampleRate is how many of 1000 requests on net/http and gRPC servers are
	// observed. Default: 1000.
	SampleRate *int `mapstructure:"sample_rate"`
	// Protocols whose requests are observed. Default: all.
	Protocols []string `mapstructure:"protocols"`
	// SDKSpans of the processes are told whole. Default: as Config.SDKSpans says.
	SDKSpans *bool `mapstructure:"sdk_spans"`
}

// DiscoveryConfig says how processes are found.
type DiscoveryConfig struct {
	// Interval between looks at the list of processes.
	Interval time.Duration `mapstructure:"interval"`
}

// RuntimeConfig says how runtime metrics are read.
type RuntimeConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// Interval between reads of a process's runtime, and of the traffic of its
	// connections.
	Interval time.Duration `mapstructure:"interval"`
	// MaxGoroutines that a process may have for its goroutines to be read one
	// by one, by state. 0: they never are.
	MaxGoroutines int `mapstructure:"max_goroutines"`
}

// EventsConfig says which events are told.
type EventsConfig struct {
	File      FileConfig      `mapstructure:"file"`
	Network   NetworkConfig   `mapstructure:"network"`
	DNS       WaitConfig      `mapstructure:"dns"`
	TLS       WaitConfig      `mapstructure:"tls"`
	Scheduler SchedulerConfig `mapstructure:"scheduler"`
	Block     BlockConfig     `mapstructure:"block"`
	Signals   SignalsConfig   `mapstructure:"signals"`
	// Throttling and PageFaults are read at the interval of the runtime metrics.
	Throttling ThrottlingConfig `mapstructure:"throttling"`
	PageFaults PageFaultsConfig `mapstructure:"page_faults"`
}

// FileConfig says which opens, reads, writes and syncs of files are told.
type FileConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// MinDuration of an operation that is told.
	MinDuration time.Duration `mapstructure:"min_duration"`
}

// LedgerConfig says how time ledgers are made.
type LedgerConfig struct {
	// Mode is ModeExact, ModeGoverned or ModeSampled.
	Mode string `mapstructure:"mode"`
}

// Modes of ledgers.
const (
	// ModeExact keeps the probes on the goroutine scheduler, whatever they cost.
	ModeExact = "exact"
	// ModeGoverned takes probes off, the scheduler's first, while they cost more
	// than the budget.
	ModeGoverned = "governed"
	// ModeSampled has no probe on the goroutine scheduler: ledgers are made by
	// looking at the states of goroutines.
	ModeSampled = "sampled"
)

// BudgetConfig bounds what probes cost in ModeGoverned.
type BudgetConfig struct {
	// CPUPercent is what observing a process may cost it, in percent of the CPU time
	// that it uses for itself; 0.5 % of a core in any case.
	CPUPercent float64 `mapstructure:"cpu_percent"`
	// NodeCPUPercent is what the probes on all processes may cost together, in
	// percent of one core.
	NodeCPUPercent float64 `mapstructure:"node_cpu_percent"`
}

// GoroutinesConfig says how goroutines are read and what is told of them.
type GoroutinesConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// Interval between dumps of a process's goroutines.
	Interval time.Duration `mapstructure:"interval"`
	// Top is how many of the largest groups of each dump are told.
	Top int `mapstructure:"top"`
	// Leak says what is told as a leak.
	Leak LeakConfig `mapstructure:"leak"`
}

// LeakConfig says when goroutines leak.
type LeakConfig struct {
	// Threshold of live goroutines of a process; 0 switches it off.
	Threshold int `mapstructure:"threshold"`
	// Growth of one group, in goroutines, over so many Dumps; 0 switches it off.
	Growth int `mapstructure:"growth"`
	Dumps  int `mapstructure:"dumps"`
	// MinAge of the oldest goroutine of a group that grows.
	MinAge time.Duration `mapstructure:"min_age"`
}

func (c LeakConfig) rule() goroutines.Rule {
	return goroutines.Rule{Threshold: c.Threshold, Growth: c.Growth, Dumps: c.Dumps, MinAge: c.MinAge}
}

// NetworkConfig says what is told of TCP connections.
type NetworkConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// MinDuration of an attempt to connect that is told; a failure always is.
	MinDuration time.Duration `mapstructure:"min_duration"`
	// MaxPeers of a process that have metrics of their own.
	MaxPeers int `mapstructure:"max_peers"`
}

// WaitConfig says which look-ups of names, or handshakes of TLS, are told.
type WaitConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// MinDuration of one that is told; one that failed always is.
	MinDuration time.Duration `mapstructure:"min_duration"`
}

func (c WaitConfig) check(key, what string) error {
	if c.Enabled && c.MinDuration < 0 {
		return fmt.Errorf("events.%s.min_duration: %v is negative: want 0 for every %s, or events.%s.enabled: false for none", key, c.MinDuration, what, key)
	}
	return nil
}

// SchedulerConfig says which waits for a CPU are told.
type SchedulerConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// MinDuration of a wait that is told.
	MinDuration time.Duration `mapstructure:"min_duration"`
}

// ThrottlingConfig says whether it is told that a cgroup was throttled.
type ThrottlingConfig struct {
	Enabled bool `mapstructure:"enabled"`
}

// PageFaultsConfig says when page faults are told.
type PageFaultsConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// MinMajor is how many major page faults in an interval are told.
	MinMajor int `mapstructure:"min_major"`
}

const (
	maxSampleRate = 1000
	// minInterval keeps a typing error from turning observation into load.
	minInterval = 100 * time.Millisecond
	// maxTop bounds the log records of a dump.
	maxTop = 1000
	// maxPeers bounds the series of a process: each peer has seven at most.
	maxPeers = 10000
)

func createDefaultConfig() *Config {
	return &Config{
		Discovery: DiscoveryConfig{Interval: discover.DefaultInterval},
		Runtime:   RuntimeConfig{Enabled: true, Interval: 10 * time.Second, MaxGoroutines: 10_000},
		Events: EventsConfig{
			File:      FileConfig{Enabled: true, MinDuration: time.Millisecond},
			Network:   NetworkConfig{Enabled: true, MinDuration: time.Millisecond, MaxPeers: 100},
			DNS:       WaitConfig{Enabled: true, MinDuration: time.Millisecond},
			TLS:       WaitConfig{Enabled: true, MinDuration: time.Millisecond},
			Scheduler: SchedulerConfig{Enabled: true, MinDuration: time.Millisecond},
			Block:     BlockConfig{Enabled: true, MinDuration: time.Millisecond},
			Signals:   SignalsConfig{Enabled: true, MinCount: 10_000},

			Throttling: ThrottlingConfig{Enabled: true},
			PageFaults: PageFaultsConfig{Enabled: true, MinMajor: 100},
		},
		Ledger: LedgerConfig{Mode: ModeGoverned},
		Budget: BudgetConfig{CPUPercent: 3, NodeCPUPercent: 10},
		GC:     GCConfig{Conditions: []GCConditionConfig{{PauseOver: 5 * time.Millisecond, Times: 3, Within: 10 * time.Second}}},
		Goroutines: GoroutinesConfig{
			Enabled:  true,
			Interval: 30 * time.Second,
			Leak:     LeakConfig{Threshold: 5000, Growth: 100, Dumps: 6, MinAge: 2 * time.Minute},
		},
		Profiles:    defaultProfiles(),
		Allocations: defaultAllocations(),
	}
}

// Validate returns every error at once, each naming its key.
func (c *Config) Validate() error {
	var errs []error
	for i, target := range c.Targets {
		if err := target.validate(); err != nil {
			errs = append(errs, fmt.Errorf("targets[%d]: %w", i, err))
		}
	}
	if c.Discovery.Interval < minInterval {
		errs = append(errs, fmt.Errorf("discovery.interval: %v is too short: want at least %v", c.Discovery.Interval, minInterval))
	}
	if c.needsInterval() && c.Runtime.Interval < minInterval {
		errs = append(errs, fmt.Errorf("runtime.interval: %v is too short: want at least %v, or enabled: false of runtime, events.network, events.block, events.signals, events.throttling and events.page_faults", c.Runtime.Interval, minInterval))
	}
	if c.Runtime.MaxGoroutines < 0 {
		errs = append(errs, fmt.Errorf("runtime.max_goroutines: %d is negative: want 0 to read no goroutine's state", c.Runtime.MaxGoroutines))
	}
	if c.Goroutines.Enabled {
		errs = append(errs, c.Goroutines.validate()...)
	}
	errs = append(errs, c.GC.check()...)
	return errors.Join(append(errs, c.Events.check(), c.Ledger.check(), c.Budget.check(c.Ledger.Mode), c.Profiles.check(), c.Allocations.check())...)
}

// needsInterval reports whether anything is read at runtime.interval.
func (c *Config) needsInterval() bool {
	return c.Runtime.Enabled || c.Events.Network.Enabled || c.Events.Block.Enabled || c.Events.Signals.Enabled ||
		c.Events.Throttling.Enabled || c.Events.PageFaults.Enabled
}

func (e EventsConfig) check() error {
	var errs []error
	if e.File.Enabled && e.File.MinDuration < 0 {
		errs = append(errs, fmt.Errorf("events.file.min_duration: %v is negative: want 0 for every operation, or events.file.enabled: false for none", e.File.MinDuration))
	}
	if e.Network.Enabled && e.Network.MinDuration < 0 {
		errs = append(errs, fmt.Errorf("events.network.min_duration: %v is negative: want 0 for every attempt, or events.network.enabled: false for none", e.Network.MinDuration))
	}
	if e.Network.Enabled && (e.Network.MaxPeers < 1 || e.Network.MaxPeers > maxPeers) {
		errs = append(errs, fmt.Errorf("events.network.max_peers: %d is not between 1 and %d: each peer of a process has its own series; or events.network.enabled: false for none", e.Network.MaxPeers, maxPeers))
	}
	if e.Scheduler.Enabled && e.Scheduler.MinDuration < 0 {
		errs = append(errs, fmt.Errorf("events.scheduler.min_duration: %v is negative: want 0 for every wait, or events.scheduler.enabled: false for none", e.Scheduler.MinDuration))
	}
	errs = append(errs, e.DNS.check("dns", "look-up"), e.TLS.check("tls", "handshake"), e.Block.check(), e.Signals.check())
	if e.PageFaults.Enabled && e.PageFaults.MinMajor < 1 {
		errs = append(errs, fmt.Errorf("events.page_faults.min_major: %d: want at least 1, or events.page_faults.enabled: false for none", e.PageFaults.MinMajor))
	}
	return errors.Join(errs...)
}

func (l LedgerConfig) check() error {
	switch l.Mode {
	case ModeExact, ModeGoverned, ModeSampled:
		return nil
	default:
		return fmt.Errorf("ledger.mode: %q is none: want %s, %s or %s", l.Mode, ModeExact, ModeGoverned, ModeSampled)
	}
}

// check is of the budget where the mode has one.
func (b BudgetConfig) check(mode string) error {
	if mode != ModeGoverned {
		return nil
	}
	var errs []error
	for _, share := range []struct {
		key     string
		percent float64
	}{{"budget.cpu_percent", b.CPUPercent}, {"budget.node_cpu_percent", b.NodeCPUPercent}} {
		if !(share.percent > 0) || math.IsInf(share.percent, 0) {
			errs = append(errs, fmt.Errorf("%s: %v is no share: want more than 0, or ledger.mode: %s for no bound", share.key, share.percent, ModeExact))
		}
	}
	return errors.Join(errs...)
}

func (c GoroutinesConfig) validate() []error {
	var errs []error
	if c.Interval < minInterval {
		errs = append(errs, fmt.Errorf("goroutines.interval: %v is too short: want at least %v, or goroutines.enabled: false", c.Interval, minInterval))
	}
	if c.Top < 0 || c.Top > maxTop {
		errs = append(errs, fmt.Errorf("goroutines.top: %d is not between 0 and %d: it is how many groups of a dump are told", c.Top, maxTop))
	}
	for _, err := range c.Leak.rule().Validate() {
		errs = append(errs, fmt.Errorf("goroutines.leak.%w", err))
	}
	return errs
}

// validate returns every error of one target, each naming its key. It is not
// exported: the Collector would call it besides Config.Validate.
func (t TargetConfig) validate() error {
	var errs []error
	if t.Executable == "" && t.PID == 0 && t.Cgroup == "" && t.Container == "" && t.OpenPort == "" {
		errs = append(errs, errors.New("selects nothing: set executable, pid, cgroup, container or open_port, or leave targets out for every Go process"))
	}
	if t.SampleRate != nil && (*t.SampleRate < 0 || *t.SampleRate > maxSampleRate) {
		errs = append(errs, fmt.Errorf("sample_rate: %d is not between 0 and %d: it is how many of %d requests are observed", *t.SampleRate, maxSampleRate, maxSampleRate))
	}
	for i, protocol := range t.Protocols {
		if !slices.Contains(plan.Protocols(), plan.Protocol(protocol)) {
			errs = append(errs, fmt.Errorf("protocols[%d]: %q is none: want %v, or leave protocols out for all", i, protocol, plan.Protocols()))
		}
	}
	if _, err := t.OpenPort.ports(); err != nil {
		errs = append(errs, fmt.Errorf("open_port: %w", err))
	}
	return errors.Join(append(errs, t.target().Validate())...)
}

func (t TargetConfig) target() discover.Target {
	rate := maxSampleRate
	if t.SampleRate != nil {
		rate = *t.SampleRate
	}
	ports, _ := t.OpenPort.ports() // of a valid target
	return discover.Target{
		Executable:  t.Executable,
		PID:         t.PID,
		Cgroup:      t.Cgroup,
		Container:   t.Container,
		OpenPort:    ports,
		ServiceName: t.ServiceName,
		SampleRate:  rate,
		Protocols:   t.Protocols,
		SDKSpans:    t.SDKSpans,
	}
}
