// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// tally counts what an attacher tells. Nothing is attached here.
type tally struct {
	Observer
	failed   []string
	refused  []plan.Feature
	analysed int
}

func (t *tally) Failed(_ *discover.Process, reason string) { t.failed = append(t.failed, reason) }
func (t *tally) Refused(_ *discover.Process, feature plan.Feature) {
	t.refused = append(t.refused, feature)
}
func (t *tally) Analysed() { t.analysed++ }

// Two processes run an executable that lacks something, and the kernel refuses
// the probes of both.
func TestAnExecutableIsWarnedOfOnce(t *testing.T) {
	binary := targettest.Build(t, "-ldflags=-s -w")
	content, err := os.ReadFile(binary)
	require.NoError(t, err)
	require.Contains(t, string(content), "runtime.preemptPark\x00")
	content = bytes.ReplaceAll(content, []byte("runtime.preemptPark\x00"), []byte("runtime.preemptPar_\x00")) // half of the ledger
	binary = filepath.Join(t.TempDir(), "target")
	require.NoError(t, os.WriteFile(binary, content, 0o755))
	programs, err := probe.Load(probe.Options{})
	require.NoError(t, err, "this test needs root on a kernel that loads BPF")
	require.NoError(t, programs.Close()) // from now on nothing can be attached
	core, logs := observer.New(zap.DebugLevel)
	told := &tally{}
	attacher := New(programs, Wanted{Probes: true}, probe.NoEvents(), func(*plan.Plan) probe.Tier { return probe.TierScheduler }, told, zap.New(core))
	for range 2 {
		target := targettest.Start(t, binary)
		attacher.start(&discover.Process{PID: target.PID, Executable: binary, TargetIndex: discover.NoTarget})
	}
	require.Equal(t, []string{ReasonProbes, ReasonProbes}, told.failed)
	require.Equal(t, 1, told.analysed, "both run one executable")

	leftOut := logs.FilterMessageSnippet("A feature is left out").Len()
	require.Positive(t, leftOut, "what is left out is told, though the probes failed")
	require.Len(t, told.refused, 2*leftOut, "told once, counted for each process")
	var levels []zapcore.Level
	for _, entry := range logs.FilterMessage("A process cannot be observed").All() {
		levels = append(levels, entry.Level)
	}
	require.Equal(t, []zapcore.Level{zap.WarnLevel, zap.DebugLevel}, levels)
}

func TestWarningsAreBounded(t *testing.T) {
	f := failures{}
	for i := range maxFailures {
		require.Equal(t, zap.WarnLevel, f.level(failure{string(rune(i)), ReasonAnalysis}))
	}
	require.Equal(t, zap.DebugLevel, f.level(failure{"/one/more", ReasonAnalysis}))
	require.Len(t, f, maxFailures)
}
