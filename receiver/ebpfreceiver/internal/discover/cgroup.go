// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"regexp"
	"slices"
	"strings"
)

// cgroups are the paths of a process in its cgroup hierarchies.
type cgroups struct {
	v2    string   // in the hierarchy of cgroup v2, empty without one
	paths []string // of all hierarchies, v2 first
}

// parseCgroups reads the content of /proc/<pid>/cgroup, lines such as
// "0::/system.slice/ssh.service" and "4:memory:/docker/<id>" (cgroups(7)).
func parseCgroups(content string) cgroups {
	var groups cgroups
	for line := range strings.Lines(content) {
		id, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, ok2 := strings.Cut(rest, ":")
		if !ok || !ok2 {
			continue
		}
		if id == "0" && controllers == "" {
			groups.v2 = path
			groups.paths = slices.Insert(groups.paths, 0, path)
			continue
		}
		groups.paths = append(groups.paths, path)
	}
	return groups
}

// unified is the path in the cgroup v2 hierarchy, empty without one.
func (g cgroups) unified() string { return g.v2 }

// containerSegment matches the part of a path that is a container's: its ID of
// 64 hex digits, alone (docker, kubelet with cgroupfs), after the runtime's
// name (docker-, cri-containerd-, crio-, libpod-, with .scope under systemd) or
// after a colon (containerd without systemd). Amazon's Fargate has 32 digits
// and a number instead.
var containerSegment = regexp.MustCompile(`^(?:.*[:-])?([0-9a-f]{64})(?:\.scope)?$|^([0-9a-f]{32}-[0-9]{8,20})$`)

// containerID is the ID of the innermost container, empty outside of one.
func (g cgroups) containerID() string {
	for _, path := range g.paths {
		for segment := range backwards(path) {
			// conmon watches a container of CRI-O or Podman from outside of it.
			if strings.Contains(segment, "conmon-") {
				continue
			}
			if m := containerSegment.FindStringSubmatch(segment); m != nil {
				return firstOf(m[1], m[2])
			}
		}
	}
	return ""
}

// podSegment matches the part of a path that is a pod's, with its UID: pod<UID>
// under the kubelet's cgroupfs driver; under its systemd driver a slice that has
// the names of those above it before, and _ for - in the UID, since - parts slices
// (pkg/kubelet/cm/cgroup_manager_linux.go: escapeSystemdCgroupName); and before a
// colon that of containerd without systemd. A static pod has a hash there and not
// the UID that the API server knows it by: that is none.
var podSegment = regexp.MustCompile(`^(?:.*-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice)?(?:$|:)`)

// podUID is the UID of the innermost Kubernetes pod, empty outside of one.
func (g cgroups) podUID() string {
	for _, path := range g.paths {
		for segment := range backwards(path) {
			if m := podSegment.FindStringSubmatch(segment); m != nil {
				return strings.ReplaceAll(m[1], "_", "-")
			}
		}
	}
	return ""
}

// backwards yields the segments of a path from the last to the first.
func backwards(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for path != "" {
			cut := strings.LastIndexByte(path, '/')
			if segment := path[cut+1:]; segment != "" && !yield(segment) {
				return
			}
			path = path[:max(cut, 0)]
		}
	}
}
