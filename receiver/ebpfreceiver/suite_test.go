// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// suite is the test program of a package of Go's standard library, built with the
// race detector.
type suite struct {
	binary, source string
}

func buildSuite(t *testing.T, name string) suite {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	s := suite{
		binary: filepath.Join(t.TempDir(), "suite.test"),
		source: filepath.Join(strings.TrimSpace(string(root)), "src", filepath.FromSlash(name)),
	}
	command := exec.Command("go", "test", "-race", "-c", "-o", s.binary, name)
	command.Env = append(os.Environ(), "CGO_ENABLED=1")
	said, err := command.CombinedOutput()
	require.NoError(t, err, "building the tests of %s: %s", name, said)
	return s
}

var outcomeLine = regexp.MustCompile(`(?m)^\s*--- (PASS|FAIL|SKIP): (\S+) `)

// run returns the outcome of each test of the suite, and how the whole ended.
func (s suite) run(t *testing.T, tests string) map[string]string {
	t.Helper()
	command := exec.CommandContext(t.Context(), s.binary, "-test.v", "-test.short", "-test.timeout=2m", "-test.run="+tests)
	command.Dir = s.source
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	outcomes := map[string]string{"the whole": fmt.Sprint(err)}
	for _, line := range outcomeLine.FindAllStringSubmatch(output.String(), -1) {
		outcomes[line[2]] = line[1]
	}
	require.NotContains(t, output.String(), "DATA RACE")
	if err != nil {
		t.Logf("%s", output.String())
	}
	return outcomes
}

// The tests of net/http itself, with the race detector, come out the same under
// observation of everything as without: nothing is written into the process, and
// nothing in it goes another way.
func TestATargetsOwnTestsUnderObservation(t *testing.T) {
	const tests = "^Test(Serve|Handler|Client|Transport)"
	s := buildSuite(t, "net/http")
	alone := s.run(t, tests)
	require.Equal(t, "<nil>", alone["the whole"], "unobserved")
	require.Greater(t, len(alone), 300)
	h := observe(t, func(c *Config) {
		c.Events.File.MinDuration, c.Events.Network.MinDuration, c.Events.Scheduler.MinDuration = 0, 0, 0
		c.Goroutines.Interval = time.Second
	}, TargetConfig{Executable: s.binary})
	observed := s.run(t, tests)
	require.Equal(t, alone, observed)
	h.stop()
	spans := len(h.spans())
	require.Greater(t, spans, 100, "the suite was observed")
	t.Logf("%d tests, %d spans of requests, %d log records", len(observed)-1, spans, h.logs.LogRecordCount())
}
