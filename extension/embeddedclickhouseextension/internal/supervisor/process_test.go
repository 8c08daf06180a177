// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// scriptOf starts a shell script that, like an engine, ends at SIGTERM in a way
// of its own, and waits until it would.
func scriptOf(t *testing.T, atTerm string) *process {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine")
	script := "#!/bin/sh\ntrap '" + atTerm + "' TERM\necho ready >&2\nwhile :; do sleep 0.05; done\n"
	require.NoError(t, os.WriteFile(path, []byte(script), 0o700))
	p, err := startProcess(path, nil, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.kill() }) // it has ended, unless the test failed
	require.Eventually(t, func() bool { return p.said.text() == "ready" }, 10*time.Second, 5*time.Millisecond)
	return p
}

func TestStopTellsOfAnEndThatWasNotClean(t *testing.T) {
	p := scriptOf(t, `echo "clickhouse-engine: statements still ran" >&2; exit 1`)
	err := p.stop(10 * time.Second)
	require.ErrorContains(t, err, "stopping the ClickHouse engine")
	require.ErrorContains(t, err, "exit status 1")
	require.ErrorContains(t, err, "statements still ran")
}

func TestStopOfACleanEnd(t *testing.T) {
	require.NoError(t, scriptOf(t, "exit 0").stop(10*time.Second))
}

func TestStopTellsOfAnEarlierDeath(t *testing.T) {
	p := scriptOf(t, "exit 0")
	require.NoError(t, p.command.Process.Kill())
	<-p.ended
	require.ErrorContains(t, p.stop(10*time.Second), "signal: killed")
}

// TestEngineGetsNoSecrets plants one in the agent's environment.
func TestEngineGetsNoSecrets(t *testing.T) {
	t.Setenv("FATHOM_TEST_SECRET", "planted")
	t.Setenv("TZ", "Europe/Berlin")
	path := filepath.Join(t.TempDir(), "engine")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho secret=$FATHOM_TEST_SECRET zone=$TZ\n"), 0o700))
	p, err := startProcess(path, nil, zap.NewNop())
	require.NoError(t, err)
	<-p.ended
	require.NoError(t, p.err)
	require.Equal(t, "secret= zone=Europe/Berlin", p.said.text())
}
