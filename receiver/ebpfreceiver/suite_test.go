// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

// run returns the outcome of each test of the suite, and the exit code of the whole.
func (s suite) run(t *testing.T, tests string) (outcomes map[string]string, code int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), s.binary, "-test.v", "-test.short", "-test.timeout=10m", "-test.run="+tests)
	command.Dir = s.source
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	outcomes = map[string]string{}
	for _, line := range outcomeLine.FindAllStringSubmatch(output.String(), -1) {
		outcomes[line[2]] = line[1]
	}
	require.NotContains(t, output.String(), "DATA RACE")
	if err != nil {
		t.Logf("%v: %s", err, output.String())
	}
	return outcomes, command.ProcessState.ExitCode()
}

// settled runs the tests, and up to three times more those that failed or, if
// outcomes are wanted, came out otherwise: on a busy machine, some do so by
// themselves. The last outcome of each counts.
func (s suite) settled(t *testing.T, tests string, want map[string]string) map[string]string {
	t.Helper()
	outcomes, code := s.run(t, tests)
	for range 3 {
		again := odd(outcomes, want)
		if len(again) == 0 && code == 0 {
			break
		}
		pattern := "^(" + strings.Join(again, "|") + ")$"
		if len(again) == 0 || code != 0 && code != failedTests {
			pattern = tests // the whole failed
		}
		t.Logf("again: %s", pattern)
		var last map[string]string
		last, code = s.run(t, pattern)
		maps.Copy(outcomes, last)
	}
	require.Zero(t, code, "how the whole ended")
	return outcomes
}

// failedTests is the exit code of a test program whose tests ran to their end
// (Go's testing/testing.go); panics and timeouts have another.
const failedTests = 1

// odd are the tests, without their subtests, that failed, or that came out other
// than wanted.
func odd(outcomes, want map[string]string) []string {
	var found []string
	add := func(test string) {
		name, _, _ := strings.Cut(test, "/")
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	for test, outcome := range outcomes {
		if outcome == "FAIL" || want != nil && want[test] != outcome {
			add(test)
		}
	}
	for test := range want {
		if _, ok := outcomes[test]; !ok {
			add(test)
		}
	}
	return found
}

func TestOddOutcomes(t *testing.T) {
	alone := map[string]string{"TestA": "PASS", "TestB": "PASS", "TestB/h1": "SKIP", "TestC": "FAIL"}
	require.Equal(t, []string{"TestC"}, odd(alone, nil))
	require.ElementsMatch(t, []string{"TestA", "TestB", "TestC", "TestD"}, odd(map[string]string{
		"TestB": "PASS", "TestB/h1": "PASS", "TestC": "FAIL", "TestD": "PASS",
	}, alone))
	require.Empty(t, odd(map[string]string{"TestA": "PASS"}, map[string]string{"TestA": "PASS"}))
}

// The tests of net/http itself, with the race detector, come out the same under
// observation of everything as without: nothing is written into the process, and
// nothing in it goes another way.
func TestATargetsOwnTestsUnderObservation(t *testing.T) {
	const tests = "^Test(Handler|Client)"
	s := buildSuite(t, "net/http")
	alone := s.settled(t, tests, nil)
	require.Greater(t, len(alone), 100)
	h := observe(t, func(c *Config) {
		c.Events.File.MinDuration, c.Events.Network.MinDuration, c.Events.Scheduler.MinDuration = 0, 0, 0
		c.Goroutines.Interval = time.Second
	}, TargetConfig{Executable: s.binary})
	observed := s.settled(t, tests, alone)
	require.Equal(t, alone, observed)
	h.stop()
	spans := len(h.spans())
	require.Greater(t, spans, 100, "the suite was observed")
	t.Logf("%d tests, %d spans of requests, %d log records", len(observed), spans, h.logs.LogRecordCount())
}
