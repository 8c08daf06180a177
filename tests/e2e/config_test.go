// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestBadConfigurations: the agent does not start on a configuration with
// unknown or contradictory keys, and names them.
func TestBadConfigurations(t *testing.T) {
	repository := repository(t)
	whole := filepath.Join(repository.root, "distributions", "fathom", "config.yaml")
	for name, test := range map[string]struct {
		change string
		says   []string
	}{
		"unknown key of the receiver":  {"receivers: { ebpf: { tragets: [] } }", []string{"ebpf", "invalid keys: tragets"}},
		"unknown key of a target":      {"receivers: { ebpf: { targets: [ { exe: /bin/x } ] } }", []string{"ebpf", "invalid keys: exe"}},
		"unknown key of the processor": {"processors: { span_enrichment: { hold: 1s } }", []string{"span_enrichment", "invalid keys: hold"}},
		"unknown key of the exporter":  {"exporters: { clickhouse: { databse: otel } }", []string{"clickhouse", "invalid keys: databse"}},
		"unknown key of the extension": {"extensions: { embedded_clickhouse: { port: 9000 } }", []string{"embedded_clickhouse", "invalid keys: port"}},
		"a target that selects nothing": {
			"receivers: { ebpf: { targets: [ { service_name: shop } ] } }",
			[]string{"ebpf", "targets[0]", "selects nothing", "executable, pid, cgroup, container or open_port"},
		},
		"wait beyond retention": {
			"processors: { span_enrichment: { wait: 10s, retention: 5s } }",
			[]string{"span_enrichment", "wait", "retention"},
		},
		"every error at once": {
			"receivers: { ebpf: { runtime: { interval: 1ms }, discovery: { interval: 1ms } } }",
			[]string{"runtime.interval", "discovery.interval"},
		},
		"no component of that name": {"processors: { span_enrichmnt: {} }", []string{"span_enrichmnt"}},
		"a value that does not exist": {
			"exporters: { clickhouse: { endpoint: 'tcp://127.0.0.1:9000?compress=zstd', connection_params: { compress: quantum } } }",
			[]string{"clickhouse", "compress"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			change := filepath.Join(dir, "change.yaml")
			require.NoError(t, os.WriteFile(change, []byte(test.change), 0o600))
			p := start(t, dir, "agent", repository.path("fathom"), []string{"FATHOM_DATA=" + dir}, "--config", whole, "--config", change)
			select {
			case <-p.done:
			case <-time.After(patience):
				require.Fail(t, "the agent starts", "%s\n%s", test.change, p.tail())
			}
			require.Error(t, p.err, "it must fail")
			for _, part := range test.says {
				require.Contains(t, p.output(), part)
			}
			require.NotContains(t, p.output(), "goroutine ", "no panic")
		})
	}
}
