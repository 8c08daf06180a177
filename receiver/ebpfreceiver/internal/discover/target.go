// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"errors"
	"fmt"

	"github.com/bmatcuk/doublestar/v4"
)

// Target selects processes. All keys that are set must match; a Target with
// none set selects every Go process.
type Target struct {
	// Executable is a doublestar glob on the absolute path of the executable
	// as /proc/<pid>/exe names it, in the mount namespace of the process.
	Executable string
	// PID of the process, as this host numbers it; 0 for any.
	PID int
	// Cgroup is a doublestar glob on the path of the process in the cgroup v2
	// hierarchy, such as /kubepods.slice/**.
	Cgroup string
	// ServiceName of its processes; empty to ask the process.
	ServiceName string
	// SampleRate is carried to Process.Target and not looked at here.
	SampleRate int
	// Protocols likewise; none is all.
	Protocols []string
}

// Validate returns all errors of the target, each naming its key.
func (t Target) Validate() error {
	var errs []error
	if !doublestar.ValidatePattern(t.Executable) {
		errs = append(errs, fmt.Errorf("executable: %q is no valid glob: see that brackets and braces are closed", t.Executable))
	}
	if t.Executable != "" && t.Executable[0] != '/' && t.Executable[0] != '*' && t.Executable[0] != '{' {
		errs = append(errs, fmt.Errorf("executable: %q never matches: executables have absolute paths, so begin with / or **/", t.Executable))
	}
	if t.PID < 0 {
		errs = append(errs, fmt.Errorf("pid: %d is no process: want a positive number", t.PID))
	}
	if !doublestar.ValidatePattern(t.Cgroup) {
		errs = append(errs, fmt.Errorf("cgroup: %q is no valid glob: see that brackets and braces are closed", t.Cgroup))
	}
	return errors.Join(errs...)
}

// explicit tells whether the target names processes, rather than taking every
// Go process: its user wants to hear of a process that is not Go.
func (t Target) explicit() bool {
	return t.Executable != "" || t.PID != 0 || t.Cgroup != ""
}

// NoTarget is the index of the target where none is configured.
const NoTarget = -1

// match returns the index of the first target that selects the process, or
// NoTarget where there are none. The cgroup is asked for only where it decides.
func match(targets []Target, pid int, executable string, cgroup func() (string, error)) (index int, ok bool, err error) {
	if len(targets) == 0 {
		return NoTarget, true, nil
	}
	for i, t := range targets {
		if t.PID != 0 && t.PID != pid || !matchGlob(t.Executable, executable) {
			continue
		}
		if t.Cgroup != "" {
			path, err := cgroup()
			if err != nil {
				return 0, false, err
			}
			if !matchGlob(t.Cgroup, path) {
				continue
			}
		}
		return i, true, nil
	}
	return 0, false, nil
}

// matchGlob reports whether the glob, valid by Validate, is unset or matches. A
// path that is not there is matched by no glob.
func matchGlob(glob, path string) bool {
	return glob == "" || path != "" && doublestar.MatchUnvalidated(glob, path)
}
