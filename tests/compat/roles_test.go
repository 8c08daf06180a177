// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The test binary also is the other processes of a benchmark, so that what it
// measures of one process is the exporter's alone.
const (
	roleKey       = "FATHOM_COMPAT_ROLE"
	roleSink      = "sink"
	roleCollector = "collector"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleKey) {
	case roleSink:
		exit(runSink())
	case roleCollector:
		exit(runCollector(os.Args[1], os.Args[2]))
	default:
		os.Exit(m.Run())
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is a process in one of the roles: it says its endpoint in its first line
// and ends with its standard input.
type child struct {
	endpoint string
	stdin    io.WriteCloser
	stdout   *bufio.Reader
	process  *exec.Cmd
}

func startChild(t testing.TB, role string, arguments ...string) *child {
	t.Helper()
	c := &child{process: exec.CommandContext(t.Context(), os.Args[0], arguments...)}
	c.process.Env = append(os.Environ(), roleKey+"="+role)
	c.process.Stderr = os.Stderr
	var err error
	c.stdin, err = c.process.StdinPipe()
	require.NoError(t, err)
	stdout, err := c.process.StdoutPipe()
	require.NoError(t, err)
	c.stdout = bufio.NewReader(stdout)
	require.NoError(t, c.process.Start())
	return c
}

// ready waits for the child's endpoint.
func (c *child) ready(t testing.TB) {
	t.Helper()
	line, err := c.stdout.ReadString('\n')
	require.NoError(t, err)
	c.endpoint = strings.TrimSpace(line)
}

// end ends the child and returns what else it said.
func (c *child) end(t testing.TB) []byte {
	t.Helper()
	require.NoError(t, c.stdin.Close())
	said, err := io.ReadAll(c.stdout)
	require.NoError(t, err)
	require.NoError(t, c.process.Wait())
	return said
}

// startSink starts a sink whose tables have the types of those in an engine.
func startSink(t testing.TB, types tableTypes) *child {
	t.Helper()
	c := startChild(t, roleSink)
	require.NoError(t, json.NewEncoder(c.stdin).Encode(types))
	c.ready(t)
	return c
}

func runSink() error {
	stdin := bufio.NewReader(os.Stdin)
	line, err := stdin.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the tables' types: %w", err)
	}
	var types tableTypes
	if err := json.Unmarshal(line, &types); err != nil {
		return fmt.Errorf("read the tables' types: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	go func() { _, _ = io.Copy(io.Discard, stdin); _ = listener.Close() }()
	return serveSink(listener, types)
}

// cpuTime is what this process has used of all CPUs.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it has no errors for these arguments
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
