// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package shop_test runs the shop's programs: what they answer and export, and,
// by Go's execution tracer and without eBPF, why they are slow.
package shop_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestShop(t *testing.T) {
	programs := build(t)
	for name, test := range map[string]func(t *testing.T, programs string){
		"causes":          testCauses,
		"order is traced": testOrderIsTraced,
		"bad orders":      testBadOrders,
		"load":            testLoad,
	} {
		t.Run(name, func(t *testing.T) { test(t, programs) })
	}
}

// build compiles the shop's programs into a directory of the test.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	command := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir+string(filepath.Separator), "./cmd/...")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "building the shop: %s", output)
	return dir
}

// announcement is the line that a service prints when it listens.
type announcement struct {
	Service string `json:"service"`
	PID     int    `json:"pid"`
	HTTP    string `json:"http"`
	GRPC    string `json:"grpc"`
	Admin   string `json:"admin"`
}

// start runs a service until the test ends and checks that SIGTERM ends it well.
func start(t *testing.T, program string, args ...string) announcement {
	t.Helper()
	command := exec.Command(program, args...)
	command.Env = os.Environ()
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
		command.Env = append(command.Env, "OTEL_TRACES_EXPORTER=none")
	}
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, command.Start())
	prefer(t, command.Process.Pid)
	t.Cleanup(func() {
		require.NoError(t, command.Process.Signal(syscall.SIGTERM))
		cut := time.AfterFunc(20*time.Second, func() { _ = command.Process.Kill() })
		defer cut.Stop()
		require.NoError(t, command.Wait(), "%s must end well on SIGTERM", program)
	})
	var said announcement
	require.NoError(t, json.NewDecoder(stdout).Decode(&said), "%s must announce itself", program)
	require.Equal(t, command.Process.Pid, said.PID)
	return said
}

// prefer gives a process that leads a session more CPU time than others, so that
// what else the machine does (other tests, compilers) does not cover the causes.
// It is a help and no need: without the right to it, or in a kernel without
// autogroups, the test goes on.
func prefer(t *testing.T, pid int) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte("-15"), 0); err != nil {
		t.Logf("not preferring process %d: %v", pid, err)
	}
}

// shop is the three services on free ports.
type shop struct {
	checkout, inventory, payment announcement
}

func startShop(t *testing.T, programs string) shop {
	t.Helper()
	// Not t.TempDir: that may be a tmpfs, where fsync takes no time.
	data, err := os.MkdirTemp(".", "data-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(data)) })
	common := []string{"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data}
	var s shop
	s.payment = start(t, filepath.Join(programs, "payment"), append(common, "--grpc-listen", "127.0.0.1:0")...)
	s.inventory = start(t, filepath.Join(programs, "inventory"), append(common,
		"--payment", "http://"+s.payment.HTTP, "--payment-grpc", s.payment.GRPC)...)
	s.checkout = start(t, filepath.Join(programs, "checkout"), append(common,
		"--inventory", "http://"+s.inventory.HTTP, "--payment", "http://"+s.payment.HTTP, "--payment-grpc", s.payment.GRPC)...)
	return s
}

// post sends a request without a body and returns the answer's body.
func post(t *testing.T, url string) (status int, body []byte) {
	t.Helper()
	response, err := http.Post(url, "", nil)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, body
}
