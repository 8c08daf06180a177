// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

func TestScanWithoutRights(t *testing.T) {
	child := startChild(t, copyProgram(t, "cart"))
	watcher, err := New(Config{Targets: []Target{{PID: child.pid()}}}, zap.NewNop())
	require.NoError(t, err)
	require.NoError(t, asNobody(func() error {
		proc, err := openProcfs(procRoot)
		if err != nil {
			return err
		}
		defer func() { assert.NoError(t, proc.close()) }()
		s := watcher.newScanner(proc, time.Now(), func(e Event) { t.Errorf("%v of what cannot be read", e) })
		for range 3 {
			if err := s.scan(); err != nil {
				return err
			}
		}
		assert.Equal(t, Permission, s.known[child.pid()].outcome)
		return nil
	}))
	assert.NotZero(t, watcher.Count(Permission))
	assert.Zero(t, watcher.Count(Watched))
}

// asNobody calls what on a thread that has the rights of an ordinary user, and
// throws that thread away.
func asNobody(what func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		const nobody = 65534
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			done <- errno
			return
		}
		done <- what()
	}()
	return <-done
}
