// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"errors"
	"fmt"
	"strings"

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
	// Container is a doublestar glob on the ID of its innermost container, or the
	// ID's beginning, of minContainerID digits or more.
	Container string
	// OpenPort is a range of TCP ports, on one of which the process listens; the
	// zero value for any process.
	OpenPort PortRange
	// ServiceName of its processes; empty to ask the process.
	ServiceName string
	// SampleRate is carried to Process.Target and not looked at here.
	SampleRate int
	// Protocols likewise; none is all.
	Protocols []string
	// SDKSpans likewise; nil is what holds for all.
	SDKSpans *bool
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
	return errors.Join(append(errs, t.validateContainer())...)
}

// minContainerID is how much of a container's ID names it: what docker ps shows.
const minContainerID = 12

func (t Target) validateContainer() error {
	switch {
	case !doublestar.ValidatePattern(t.Container):
		return fmt.Errorf("container: %q is no valid glob: see that brackets and braces are closed", t.Container)
	case t.Container != "" && !isGlob(t.Container) && !beginsID(t.Container):
		return fmt.Errorf("container: %q never matches: want %d hex digits of a container's ID or more, not its name, or a glob", t.Container, minContainerID)
	default:
		return nil
	}
}

func isGlob(text string) bool { return strings.ContainsAny(text, `*?[{\`) }

// beginsID tells whether the text begins as the ID of a container.
func beginsID(text string) bool {
	return len(text) >= minContainerID && strings.Trim(text[:minContainerID], "0123456789abcdef") == ""
}

// matchContainer reports whether a glob or the beginning of an ID, valid by
// Validate, is unset or matches the ID.
func matchContainer(wanted, id string) bool {
	if wanted == "" || isGlob(wanted) {
		return matchGlob(wanted, id)
	}
	return strings.HasPrefix(id, wanted)
}

// explicit tells whether the target names processes, rather than taking every
// Go process: its user wants to hear of a process that is not Go.
func (t Target) explicit() bool {
	return t.Executable != "" || t.PID != 0 || t.Cgroup != "" || t.Container != "" || t.OpenPort.set()
}

// NoTarget is the index of the target where none is configured.
const NoTarget = -1

// facts are what targets may ask of a process; each is found out when it is first
// asked for.
type facts interface {
	cgroups() (cgroups, error)
	// listens reports whether the process listens on a TCP port of the range.
	listens(on PortRange) (bool, error)
}

// selection is what targets say of a process.
type selection struct {
	index int // of the first target that selects it, NoTarget where there are none
	ok    bool
	// awaited: a target before that one selects it once it listens.
	awaited bool
}

// match finds the first target that selects the process. What costs is asked for
// only where it decides.
func match(targets []Target, pid int, executable string, of facts) (selection, error) {
	if len(targets) == 0 {
		return selection{index: NoTarget, ok: true}, nil
	}
	var s selection
	for i, t := range targets {
		if t.PID != 0 && t.PID != pid || !matchGlob(t.Executable, executable) {
			continue
		}
		if t.Cgroup != "" || t.Container != "" {
			groups, err := of.cgroups()
			if err != nil {
				return selection{}, err
			}
			if !matchGlob(t.Cgroup, groups.unified()) || !matchContainer(t.Container, groups.containerID()) {
				continue
			}
		}
		if t.OpenPort.set() {
			listens, err := of.listens(t.OpenPort)
			if err != nil {
				return selection{}, err
			}
			if !listens {
				s.awaited = true
				continue
			}
		}
		s.index, s.ok = i, true
		return s, nil
	}
	return s, nil
}

// matchGlob reports whether the glob, valid by Validate, is unset or matches. A
// path that is not there is matched by no glob.
func matchGlob(glob, path string) bool {
	return glob == "" || path != "" && doublestar.MatchUnvalidated(glob, path)
}
