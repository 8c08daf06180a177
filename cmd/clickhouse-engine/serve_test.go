// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// fails runs the binary in a directory of its own, where the default --path
// lies, and returns what it says, with the status 1.
func fails(t *testing.T, environment []string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), enginetest.Binary(t), arguments...)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), environment...)
	said, err := command.CombinedOutput()
	require.Error(t, err, string(said))
	require.Equal(t, 1, command.ProcessState.ExitCode(), string(said))
	return string(said)
}

func TestServeRefuses(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	for name, c := range map[string]struct {
		environment []string
		arguments   []string
		wants       []string
	}{
		"other machines":  {nil, []string{"--listen", "0.0.0.0:0"}, []string{"is not a loopback address", "--allow-remote"}},
		"no port":         {nil, []string{"--listen", "127.0.0.1"}, []string{"is not host:port"}},
		"used port":       {nil, []string{"--listen", busy.Addr().String()}, []string{busy.Addr().String() + " is in use by another process"}},
		"everything":      {nil, []string{"--path=", "--memory-mib=1", "--max-connections=0", "--log-format=xml"}, []string{"--path", "--memory-mib", "--max-connections", "--log-format"}},
		"an argument":     {nil, []string{"now"}, []string{`got "now"`}},
		"no library":      {[]string{"FATHOM_CACHE=" + t.TempDir()}, []string{"--listen=127.0.0.1:0"}, []string{"fetch it with: clickhouse-engine fetch"}},
		"a named library": {nil, []string{"--listen=127.0.0.1:0", "--library=/nowhere.so"}, []string{"/nowhere.so"}},
		"a false library": {nil, []string{"--listen=127.0.0.1:0", "--library=/etc/hostname", "--path=" + t.TempDir()}, []string{"loading /etc/hostname"}},
	} {
		t.Run(name, func(t *testing.T) {
			said := fails(t, c.environment, append([]string{"serve"}, c.arguments...)...)
			for _, want := range c.wants {
				assert.Contains(t, said, want)
			}
		})
	}
	assert.Contains(t, fails(t, nil, "srve"), "unknown command")
}

// TestRefusedServeLeavesNothing names a storage path that is not there yet.
func TestRefusedServeLeavesNothing(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	path := filepath.Join(t.TempDir(), "data")
	said := fails(t, nil, "serve", "--listen="+busy.Addr().String(), "--path="+path)
	assert.Contains(t, said, "is in use by another process")
	assert.NoDirExists(t, path)
}

func TestServeRefusesUsedPath(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	said := fails(t, nil, "serve", "--listen=127.0.0.1:0", "--path="+engine.Path)
	assert.Contains(t, said, "is in use by another clickhouse-engine (PID ")
}

func TestFetchNeedsNpm(t *testing.T) {
	said := fails(t, []string{"FATHOM_CACHE=" + t.TempDir(), "PATH=" + t.TempDir()}, "fetch")
	assert.Contains(t, said, "npm, which downloads @chdb/lib-linux-x64-gnu@")
	assert.Contains(t, said, "apt-get install npm")
}

// TestReadmeFlags compares the README's table of flags with the binary's help.
func TestReadmeFlags(t *testing.T) {
	help, err := exec.CommandContext(t.Context(), enginetest.Binary(t), "serve", "-h").CombinedOutput()
	require.NoError(t, err)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	assert.ElementsMatch(t,
		regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllString(string(help), -1),
		prefixed("  ", regexp.MustCompile("(?m)^\\| `-(-[a-z-]+)`").FindAllStringSubmatch(string(readme), -1)))
}

func prefixed(prefix string, matches [][]string) []string {
	var texts []string
	for _, match := range matches {
		texts = append(texts, prefix+match[1])
	}
	return texts
}
