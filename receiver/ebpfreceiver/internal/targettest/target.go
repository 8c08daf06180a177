// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package targettest builds and starts a real Go server to observe in tests.
package targettest

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// targetPackage is the server's, by its import path: tests of several packages
// build it.
const targetPackage = "github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest/testdata/target"

// prebuiltEnv names a folder with the executables of the targets, for tests that
// run where no Go toolchain is: in a virtual machine with another kernel.
const prebuiltEnv = "FATHOM_TEST_TARGETS"

// callsPackage is a server of gRPC that also sends requests.
const callsPackage = "github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest/testdata/calls"

// queriesPackage is a server that queries databases.
const queriesPackage = "github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest/testdata/queries"

// BuildQueries compiles a target that uses database/sql.
func BuildQueries(t testing.TB, args ...string) string {
	t.Helper()
	return build(t, queriesPackage, args...)
}

// BuildCalls compiles a target that serves gRPC and sends requests itself: GET
// /addresses answers where its gRPC servers listen.
func BuildCalls(t testing.TB, args ...string) string {
	t.Helper()
	return build(t, callsPackage, args...)
}

// http2Package is servers that speak HTTP/2.
const http2Package = "github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest/testdata/http2"

// BuildHTTP2 compiles a target that serves HTTP/2: GET /addresses answers where
// its servers listen, GET /book what they say that they answered.
func BuildHTTP2(t testing.TB, args ...string) string {
	t.Helper()
	return build(t, http2Package, args...)
}

// Build compiles the target with extra arguments to go build, such as
// -buildmode=pie, and returns the executable's path.
func Build(t testing.TB, args ...string) string {
	t.Helper()
	return build(t, targetPackage, args...)
}

func build(t testing.TB, program string, args ...string) string {
	t.Helper()
	if prebuilt := os.Getenv(prebuiltEnv); prebuilt != "" && len(args) == 0 {
		return filepath.Join(prebuilt, path.Base(program))
	}
	binary := filepath.Join(t.TempDir(), path.Base(program))
	command := exec.Command("go", append(append([]string{"build", "-o", binary}, args...), program)...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "building the target: %s", output)
	return binary
}

// Target is a running server.
type Target struct {
	PID int
	URL string

	process *exec.Cmd
}

// Start runs an executable that Build made until the test ends.
func Start(t testing.TB, binary string, env ...string) *Target {
	t.Helper()
	command := exec.Command(binary)
	command.Env = append(os.Environ(), env...)
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	target := &Target{PID: command.Process.Pid, process: command}
	t.Cleanup(target.Kill)
	address, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "the target tells where it listens")
	target.URL = "http://" + strings.TrimSpace(address)
	return target
}

// Kill ends the server at once.
func (t *Target) Kill() {
	if t.process.ProcessState == nil {
		_ = t.process.Process.Kill()
		_ = t.process.Wait() // reports the kill itself
	}
}

// Get requests a path with a header and returns the body.
func (t *Target) Get(path string, header http.Header) (body string, status int, err error) {
	request, err := http.NewRequest(http.MethodGet, t.URL+path, nil)
	if err != nil {
		return "", 0, fmt.Errorf("making the request: %w", err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	// A target that hangs fails its own test, not the time limit of all.
	client := http.Client{Timeout: time.Minute}
	response, err := client.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return string(content), response.StatusCode, err
}
