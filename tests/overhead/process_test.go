// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// run starts a program until stop, or the benchmark's end at the latest.
func run(b *testing.B, program string, args ...string) (command *exec.Cmd, stop func()) {
	b.Helper()
	command = exec.Command(program, args...)
	log, err := os.Create(filepath.Join(b.TempDir(), filepath.Base(program)+".log"))
	require.NoError(b, err)
	command.Stderr = log
	stdout, err := os.Create(log.Name() + ".out")
	require.NoError(b, err)
	command.Stdout = stdout
	require.NoError(b, command.Start())
	stop = func() {
		if command.ProcessState != nil {
			return
		}
		require.NoError(b, command.Process.Signal(syscall.SIGTERM))
		kill := time.AfterFunc(20*time.Second, func() { _ = command.Process.Kill() })
		defer kill.Stop()
		_ = command.Wait() // a signal is how it ends
		require.NoError(b, log.Close())
		require.NoError(b, stdout.Close())
		if b.Failed() {
			content, err := os.ReadFile(log.Name())
			require.NoError(b, err)
			b.Logf("%s said:\n%s", program, content)
		}
	}
	b.Cleanup(stop)
	return command, stop
}

// said waits until a program has printed a whole line and returns it.
func said(b *testing.B, command *exec.Cmd) []byte {
	b.Helper()
	var line []byte
	require.Eventually(b, func() bool {
		content, err := os.ReadFile(command.Stdout.(*os.File).Name())
		require.NoError(b, err)
		end := bytes.IndexByte(content, '\n')
		if end < 0 {
			return false
		}
		line = content[:end]
		return true
	}, 20*time.Second, 20*time.Millisecond)
	return line
}

// cpu is the CPU time that all threads of a process have used.
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	require.NoError(b, err)
	var total time.Duration
	for _, file := range files {
		content, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue // the thread has ended
		}
		require.NoError(b, err)
		ns, err := strconv.ParseInt(strings.Fields(string(content))[0], 10, 64)
		require.NoError(b, err)
		total += time.Duration(ns)
	}
	return total
}

// memoryMiB is a field of /proc/pid/status: VmRSS, the resident memory, pages of
// the executable included, or VmHWM, the most that it was.
func memoryMiB(b *testing.B, pid int, field string) float64 {
	b.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(content)) {
		if kib, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.ParseFloat(strings.Fields(kib)[0], 64)
			require.NoError(b, err)
			return n / 1024
		}
	}
	b.Fatalf("no %s in /proc/pid/status", field)
	return 0
}
