// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// poll is how often the end of a process is looked for.
const poll = 20 * time.Millisecond

// Entry is a process as it is remembered.
type Entry struct {
	Name string `json:"name"`
	identity
	// Log is the path of the file with its output.
	Log string `json:"log"`
}

// String names the process for people.
func (e Entry) String() string { return fmt.Sprintf("%s (PID %d)", e.Name, e.PID) }

// stop ends the process: SIGTERM, and SIGKILL after grace. It reports an error
// where the process had to be killed.
func (e Entry) stop(grace time.Duration) error {
	if gone, err := e.signal(syscall.SIGTERM); gone || err != nil {
		return err
	}
	ended, err := e.awaitEnd(grace)
	if ended || err != nil {
		return err
	}
	if gone, err := e.signal(syscall.SIGKILL); gone || err != nil {
		return err
	}
	if ended, err = e.awaitEnd(grace); err == nil && !ended {
		return fmt.Errorf("%s does not end, even on SIGKILL", e)
	}
	return errors.Join(err, fmt.Errorf("%s did not end within %v of SIGTERM and was killed: see %s", e, grace, e.Log))
}

// signal sends one, unless the process is gone.
func (e Entry) signal(signal syscall.Signal) (gone bool, err error) {
	alive, err := e.alive()
	if err != nil || !alive {
		return !alive, err
	}
	err = syscall.Kill(e.PID, signal)
	if errors.Is(err, syscall.ESRCH) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("sending %s to %s: %w", signal, e, err)
	}
	return false, nil
}

func (e Entry) awaitEnd(limit time.Duration) (ended bool, err error) {
	for deadline := time.Now().Add(limit); ; time.Sleep(poll) {
		alive, err := e.alive()
		if err != nil || !alive {
			return !alive, err
		}
		if time.Now().After(deadline) {
			return false, nil
		}
	}
}

func isNoProcess(err error) bool {
	return errors.Is(err, syscall.ESRCH) || errors.Is(err, os.ErrProcessDone)
}
