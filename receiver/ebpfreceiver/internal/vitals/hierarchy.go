// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package vitals reads what the kernel keeps about a process, with no probe: how
// its cgroups were throttled and its page faults.
package vitals

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Hierarchies are where the CPU controller of cgroups can be: version 2, or
// version 1 where that has it (a hybrid). The kernel gives a controller to one.
type Hierarchies struct{ unified, cpu mount }

// mount of a hierarchy; without one, point is empty.
type mount struct{ root, point string }

// FindHierarchies looks at this process's mounts.
func FindHierarchies() (Hierarchies, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return Hierarchies{}, fmt.Errorf("looking for cgroups: %w", err)
	}
	return parseMounts(string(content)), nil
}

// parseMounts reads lines such as
// "38 31 0:37 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw" (proc_pid_mountinfo(5)).
// The first mount of a kind counts.
func parseMounts(content string) Hierarchies {
	var h Hierarchies
	for line := range strings.Lines(content) {
		where, what, ok := strings.Cut(line, " - ")
		place, kind := strings.Fields(where), strings.Fields(what)
		if !ok || len(place) < 5 || len(kind) < 3 {
			continue
		}
		found := mount{root: unescape(place[3]), point: unescape(place[4])}
		switch {
		case kind[0] == "cgroup2" && h.unified.point == "":
			h.unified = found
		case kind[0] == "cgroup" && h.cpu.point == "" && slices.Contains(strings.Split(kind[2], ","), "cpu"):
			h.cpu = found
		}
	}
	return h
}

// unescape undoes the \040 and the like that mountinfo writes for white space.
func unescape(text string) string {
	before, after, ok := strings.Cut(text, `\`)
	if !ok || len(after) < 3 {
		return text
	}
	code, err := strconv.ParseUint(after[:3], 8, 8)
	if err != nil {
		return before + `\` + unescape(after)
	}
	return before + string([]byte{byte(code)}) + unescape(after[3:])
}

// level is a cgroup that a process is in, directly or by one further down.
type level struct{ path, directory string }

// levels are the cgroups of a process by the content of its /proc/<pid>/cgroup,
// from its own up to the one below the root, which has no limit. There are none
// where the process is outside of what is mounted here.
func (h Hierarchies) levels(content string) []level {
	at, group := h.unified, ""
	for line := range strings.Lines(content) {
		id, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case h.cpu.point != "" && slices.Contains(strings.Split(controllers, ","), "cpu"):
			return h.cpu.levels(path)
		case id == "0" && controllers == "":
			group = path
		}
	}
	return at.levels(group)
}

func (m mount) levels(group string) []level {
	if m.point == "" || group == "" || strings.HasPrefix(group, "/..") {
		return nil
	}
	relative := group
	if m.root != "/" {
		rest, ok := strings.CutPrefix(group+"/", m.root+"/")
		if !ok {
			return nil
		}
		relative = "/" + rest
	}
	var levels []level
	prefix := strings.TrimSuffix(m.root, "/")
	for relative = path.Clean(relative); relative != "/"; relative = path.Dir(relative) {
		levels = append(levels, level{path: prefix + relative, directory: m.point + relative})
	}
	return levels
}
