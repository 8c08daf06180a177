// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestSQLReachesNothingElse asks the engine for what its process could reach
// if it were not confined. On a kernel that cannot confine it, the engine warns.
func TestSQLReachesNothingElse(t *testing.T) {
	if !canBeConfined() {
		engine := enginetest.StartAt(t, t.TempDir())
		require.Contains(t, engine.Output(), "not confined: whoever connects can read and write files")
		return
	}
	t.Run("as it starts", reachesNothingElse)
	// What a process inherits says nothing of itself.
	for _, inherited := range []string{"1", fmt.Sprintf("pid %d", os.Getpid())} {
		t.Run("FATHOM_ENGINE_CONFINED="+inherited, func(t *testing.T) {
			t.Setenv("FATHOM_ENGINE_CONFINED", inherited)
			reachesNothingElse(t)
		})
	}
}

// canBeConfined tells whether the kernel has the Landlock that takes connections
// from a process too: version 4, of Linux 6.7. Debian 12's has not.
func canBeConfined() bool {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	return errno == 0 && version >= 4
}

func reachesNothingElse(t *testing.T) {
	t.Setenv("FATHOM_TEST_SECRET", "planted")
	conn := connect(t, enginetest.Start(t))
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("secret\n"), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()

	for _, path := range []string{secret, "/etc/passwd", "/etc/shadow", fmt.Sprintf("/proc/%d/environ", os.Getpid())} {
		err := conn.Exec(t.Context(), fmt.Sprintf("SELECT * FROM file('%s', 'LineAsString', 'line String')", path))
		assert.Equal(t, int32(76), code(t, err), path) // CANNOT_OPEN_FILE
	}
	written := filepath.Join(outside, "written")
	require.Error(t, conn.Exec(t.Context(), fmt.Sprintf("INSERT INTO FUNCTION file('%s', 'LineAsString', 'line String') VALUES ('x')", written)))
	assert.NoFileExists(t, written)
	require.ErrorContains(t, conn.Exec(t.Context(), fmt.Sprintf("SELECT * FROM url('http://%s/', 'LineAsString', 'line String') SETTINGS http_max_tries = 1", listener.Addr())), "1001")
	require.NoError(t, conn.Ping(t.Context()))

	// The process may read its own environment, in which no secret is left. A
	// failure does not print what is.
	environment := one[string](t, conn, "SELECT * FROM file('/proc/self/environ', 'RawBLOB', 'all String')")
	assert.True(t, strings.Contains(environment, "FATHOM_ENGINE_CONFINED=pid "), "this is not the engine's environment")
	assert.True(t, strings.Contains(environment, "HOME="+os.Getenv("HOME")), "the engine does not get HOME")
	assert.False(t, strings.Contains(environment, "planted"), "SQL reads a secret of the environment")
}

// TestShowStatements are answered too, though the engine can not stream them.
func TestShowStatements(t *testing.T) {
	conn := connect(t, enginetest.Start(t))
	execute(t, conn, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
	assert.Equal(t, "t", one[string](t, conn, "SHOW TABLES"))
	assert.Equal(t, uint8(1), one[uint8](t, conn, "EXISTS TABLE t"))
	assert.Contains(t, one[string](t, conn, "SHOW CREATE TABLE t"), "MergeTree")
	rows, err := conn.Query(t.Context(), "SHOW TABLES LIKE 'none'")
	require.NoError(t, err)
	assert.Equal(t, []string{"name"}, rows.Columns())
	assert.False(t, rows.Next())
	require.NoError(t, rows.Close())
	rows, err = conn.Query(t.Context(), "EXPLAIN SELECT * FROM t")
	require.NoError(t, err)
	assert.True(t, rows.Next())
	require.NoError(t, rows.Close())
}
