// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/selfmetrics"
)

func TestCommandsThatAreWrong(t *testing.T) {
	for says, args := range map[string][]string{
		`"report" is no command`: {"report"},
		"-load is 10ms: use 1s":  {"-load", "10ms"},
		"-lod":                   {"-lod"},
		"give one query":         {"query"},
		`stop takes no argument`: {"stop", "now"},
		"make run KEEP=1":        {"query", "-endpoint", "127.0.0.1:1", "SELECT 1"},
	} {
		require.ErrorContains(t, command(t.Context(), args, &bytes.Buffer{}), says)
	}
}

func TestMissingBinaryIsNamed(t *testing.T) {
	d := &demo{places: places{bin: t.TempDir(), run: t.TempDir()}, out: &bytes.Buffer{}, load: time.Second}
	err := d.run(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "fathom: no such file or directory: run make build")
}

func TestStep(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, step(&out, "waiting", func() (string, error) { return "done", nil }))
	require.Regexp(t, `^• waiting\n  done \(\d+\.\d s\)\n$`, out.String())
	broken := errors.New("broken")
	err := step(&out, "waiting", func() (string, error) { return "", broken })
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "waiting: broken")
}

func TestAccount(t *testing.T) {
	samples := []selfmetrics.Sample{
		{Name: "otelcol_receiver_ebpf_records", Value: 5},
		{Name: "otelcol_receiver_ebpf_records_dropped"},
		{Name: "otelcol_receiver_ebpf_probes_refused", Labels: `feature="gc_cycles"`, Value: 2},
	}
	const left = "left out\n  otelcol_receiver_ebpf_probes_refused{feature=\"gc_cycles\"} 2\n"
	require.Equal(t, "lost\n  nothing: every counter of records dropped and sends failed is zero\n"+left, account(samples))
	samples[1].Value = 3
	samples[1].Labels = `reason="ring_full"`
	require.Equal(t, "lost\n  otelcol_receiver_ebpf_records_dropped{reason=\"ring_full\"} 3\n"+left, account(samples))
	require.True(t, isLoss("otelcol_exporter_send_failed_spans"))
	require.True(t, isLoss("otelcol_exporter_enqueue_failed_log_records"))
	require.True(t, isLoss("otelcol_receiver_refused_spans"))
}

func TestReadSummary(t *testing.T) {
	log := filepath.Join(t.TempDir(), "loadgen.log")
	write := func(text string) { require.NoError(t, os.WriteFile(log, []byte(text), 0o600)) }
	write(`{"requests": 7, "missed": 1, "scenarios": {"ok": {"200": 4, "error": 1}, "gc": {"502": 2}}}`)
	sum, err := readSummary(log)
	require.NoError(t, err)
	require.Equal(t, uint64(7), sum.Requests)
	require.Equal(t, uint64(3), sum.failed())
	write(`{"requests": 0}`)
	_, err = readSummary(log)
	require.ErrorContains(t, err, "sent no request: see "+log)
	write("")
	_, err = readSummary(log)
	require.ErrorContains(t, err, log)
}
