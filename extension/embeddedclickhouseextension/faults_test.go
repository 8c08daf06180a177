// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package embeddedclickhouseextension

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/fathom-otel/fathom/extension/embeddedclickhouseextension/internal/metadata"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

func TestKilledEngineComesBackWithItsData(t *testing.T) {
	f := newFixture(t, nil)
	f.start(t)
	conn := open(t, f.config.Endpoint)
	require.NoError(t, conn.Exec(t.Context(), "CREATE TABLE kept (a UInt64) ENGINE = MergeTree ORDER BY a"))
	const deaths = 3
	for range deaths {
		require.NoError(t, conn.Exec(t.Context(), "INSERT INTO kept VALUES (1)"))
		dead := enginePID(f.config.Path)
		require.NoError(t, syscall.Kill(dead, syscall.SIGKILL))
		require.Eventually(t, func() bool {
			return enginePID(f.config.Path) != dead && conn.Ping(t.Context()) == nil
		}, 30*time.Second, 20*time.Millisecond)
	}
	var rows uint64
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count() FROM kept").Scan(&rows))
	assert.Equal(t, uint64(deaths), rows)
	assert.Equal(t, int64(deaths), f.counter(t, "engine_exits"))
	require.Eventually(t, func() bool { return f.counter(t, "engine_starts") == deaths+1 }, 5*time.Second, 10*time.Millisecond)
	f.shutdown(t)
}

// TestRestartTrustsNobodyElse has another server on the engine's port when the
// engine is started again.
func TestRestartTrustsNobodyElse(t *testing.T) {
	other := enginetest.Start(t)
	f := newFixture(t, func(c *Config) {
		c.Restart = RestartConfig{InitialInterval: 2 * time.Second, MaxInterval: 2 * time.Second}
	})
	f.start(t)
	require.NoError(t, syscall.Kill(enginePID(f.config.Path), syscall.SIGKILL))
	require.Eventually(t, func() bool { return f.counter(t, "engine_exits") == 1 }, 30*time.Second, 5*time.Millisecond)
	impostor, err := net.Listen("tcp", f.config.Endpoint)
	require.NoError(t, err)
	relayed := make(chan struct{})
	go func() {
		defer close(relayed)
		relay(impostor, other)
	}()
	conn := open(t, f.config.Endpoint)
	require.NoError(t, conn.Ping(t.Context()), "the other server answers there")
	require.NoError(t, conn.Close())

	require.Eventually(t, func() bool { return f.counter(t, "engine_exits") > 1 }, 30*time.Second, 10*time.Millisecond)
	assert.Equal(t, int64(1), f.counter(t, "engine_starts"), "another's answer is not the engine's")
	require.NoError(t, impostor.Close())
	<-relayed
	require.Eventually(t, func() bool { return f.counter(t, "engine_starts") == 2 }, 30*time.Second, 10*time.Millisecond)
	f.shutdown(t)
}

// relay passes what comes to a listener on to another address, until the
// listener is closed; then it hangs up.
func relay(listener net.Listener, to string) {
	var passing sync.WaitGroup
	defer passing.Wait()
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", to)
		if err != nil {
			_ = client.Close()
			continue
		}
		for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
			passing.Go(func() {
				_, _ = io.Copy(to, from)
				_, _ = to.Close(), from.Close() // either side's end is the end of both
			})
		}
	}
}

func TestShutdownWhileEngineIsDead(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Restart = RestartConfig{InitialInterval: time.Hour, MaxInterval: time.Hour}
	})
	f.start(t)
	require.NoError(t, syscall.Kill(enginePID(f.config.Path), syscall.SIGKILL))
	require.Eventually(t, func() bool { return f.counter(t, "engine_exits") == 1 }, 10*time.Second, 10*time.Millisecond)
	f.shutdown(t)
}

// TestFrozenEngineIsKilled freezes an engine, which then can not stop.
func TestFrozenEngineIsKilled(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.StopTimeout = 200 * time.Millisecond })
	f.start(t)
	require.NoError(t, syscall.Kill(enginePID(f.config.Path), syscall.SIGSTOP))
	require.ErrorContains(t, f.Shutdown(t.Context()), "did not stop within stop_timeout (200ms) and was killed")
}

func TestStartRefusesUsedPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	f := newFixture(t, func(c *Config) { c.Endpoint = listener.Addr().String() })
	err = f.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorContains(t, err, "endpoint: "+f.config.Endpoint+" is in use by another process")
	f.shutdown(t)
}

func TestStartRefusesUsedPath(t *testing.T) {
	first := newFixture(t, nil)
	first.start(t)
	second := newFixture(t, func(c *Config) { c.Path = first.config.Path })
	err := second.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorContains(t, err, "is in use by another clickhouse-engine (PID "+fmt.Sprint(enginePID(first.config.Path))+")")
	second.shutdown(t)
	first.shutdown(t)
}

func TestStartNamesWhatIsMissing(t *testing.T) {
	t.Run("engine", func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Engine = filepath.Join(t.TempDir(), "none") })
		require.ErrorContains(t, f.Start(t.Context(), componenttest.NewNopHost()), "engine: ")
	})
	t.Run("engine beside the agent", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := findEngine("")
		require.ErrorContains(t, err, "build it with make build, or set engine to its path")
	})
	t.Run("library", func(t *testing.T) {
		f := newFixture(t, nil)
		t.Setenv("FATHOM_CACHE", t.TempDir())
		require.ErrorContains(t, f.Start(t.Context(), componenttest.NewNopHost()), "fetch it with: clickhouse-engine fetch")
	})
	t.Run("configured library", func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Library = "/nowhere/libchdb.so" })
		require.ErrorContains(t, f.Start(t.Context(), componenttest.NewNopHost()), "/nowhere/libchdb.so")
	})
}

func TestStartGivesUpOnSilentEngine(t *testing.T) {
	silent := filepath.Join(t.TempDir(), "engine")
	require.NoError(t, os.WriteFile(silent, []byte("#!/bin/sh\nexec sleep 600\n"), 0o700))
	f := newFixture(t, func(c *Config) { c.Engine, c.StartTimeout = silent, 300*time.Millisecond })
	require.ErrorContains(t, f.Start(t.Context(), componenttest.NewNopHost()), "did not answer on "+f.config.Endpoint+" within start_timeout (300ms)")
}

func TestFindEngine(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, binaryName)
	require.NoError(t, os.WriteFile(binary, []byte("#!/bin/sh\n"), 0o700))
	t.Setenv("PATH", dir)
	found, err := findEngine("")
	require.NoError(t, err)
	assert.Equal(t, binary, found)
	found, err = findEngine(binary)
	require.NoError(t, err)
	assert.Equal(t, binary, found)
}

// agentVariable makes the test binary an agent: it holds the config of its
// extension.
const agentVariable = "FATHOM_TEST_AGENT"

// runAgent starts an extension and waits to be killed.
func runAgent(text string) {
	config := createDefaultConfig().(*Config)
	err := json.Unmarshal([]byte(text), config)
	if err == nil {
		err = startAgent(context.Background(), config)
	}
	if err == nil {
		time.Sleep(time.Hour)
	}
	fmt.Fprintln(os.Stderr, "agent:", err)
	os.Exit(1)
}

func startAgent(ctx context.Context, config *Config) error {
	e, err := NewFactory().Create(ctx, extensiontest.NewNopSettings(metadata.Type), config)
	if err != nil {
		return err
	}
	return e.Start(ctx, componenttest.NewNopHost())
}

// TestKilledAgentLeavesNoEngine kills an agent that has an engine running.
func TestKilledAgentLeavesNoEngine(t *testing.T) {
	config := configFor(t)
	text, err := json.Marshal(config)
	require.NoError(t, err)
	agent := exec.CommandContext(t.Context(), os.Args[0])
	agent.Env = append(os.Environ(), agentVariable+"="+string(text))
	agent.Stderr = os.Stderr
	require.NoError(t, agent.Start())
	conn := open(t, config.Endpoint)
	require.Eventually(t, func() bool { return conn.Ping(t.Context()) == nil }, 30*time.Second, 20*time.Millisecond)
	require.True(t, alive(config.Path))
	require.NoError(t, agent.Process.Kill())
	require.Error(t, agent.Wait())
	require.Eventually(t, func() bool { return !alive(config.Path) }, 10*time.Second, 10*time.Millisecond)
}
