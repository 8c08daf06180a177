// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	containerOne = "dc579f8a8319c8cf7d38e1adf263bc08d230600179e9d1f4a3d1a3b4c5d6e7f8"
	containerTwo = "aaaaaaaa8319c8cf7d38e1adf263bc08d230600179e9d1f4a3d1a3b4c5d6e7f8"
	podOne       = "2f0d7a1c-9d2b-4c3e-8f4a-5b6c7d8e9f00"
	podSlice     = "kubepods-burstable-pod2f0d7a1c_9d2b_4c3e_8f4a_5b6c7d8e9f00.slice"
)

// Paths as the runtimes and the kubelet make them, by runtime, cgroup version and
// cgroup driver.
func TestContainersAndPodsOfCgroups(t *testing.T) {
	const id, other, pod, uid = containerOne, containerTwo, podSlice, podOne
	const kubepods = "/kubepods.slice/kubepods-burstable.slice/" + pod
	const plainPod = "/kubepods/burstable/pod" + uid
	tests := map[string]struct{ content, id, pod string }{
		"empty":        {"", "", ""},
		"no container": {"0::/system.slice/ssh.service\n", "", ""},
		"root":         {"0::/\n", "", ""},
		"user session": {"0::/user.slice/user-1000.slice/session-2.scope\n", "", ""},

		"docker, v2, systemd":  {"0::/system.slice/docker-" + id + ".scope\n", id, ""},
		"docker, v2, cgroupfs": {"0::/docker/" + id + "\n", id, ""},
		"docker, v1":           {"12:perf_event:/docker/" + id + "\n4:cpu,cpuacct:/docker/" + id + "\n1:name=systemd:/docker/" + id + "\n", id, ""},
		"docker, v1, systemd":  {"4:memory:/system.slice/docker-" + id + ".scope\n", id, ""},
		"docker, hybrid":       {"4:memory:/docker/" + id + "\n0::/\n", id, ""},
		"docker in docker":     {"0::/docker/" + other + "/docker/" + id + "\n", id, ""},
		"systemd in docker":    {"0::/docker/" + id + "/system.slice/nginx.service\n", id, ""},

		"containerd, v2, systemd":    {"0::" + kubepods + "/cri-containerd-" + id + ".scope\n", id, uid},
		"containerd, v2, cgroupfs":   {"0::" + plainPod + "/" + id + "\n", id, uid},
		"containerd, v1, systemd":    {"11:memory:" + kubepods + "/cri-containerd-" + id + ".scope\n", id, uid},
		"containerd, v1, cgroupfs":   {"11:memory:" + plainPod + "/" + id + "\n", id, uid},
		"containerd, v1, colons":     {"7:memory:/system.slice/containerd.service/" + pod + ":cri-containerd:" + id + "\n", id, uid},
		"containerd, guaranteed":     {"0::/kubepods.slice/kubepods-pod2f0d7a1c_9d2b_4c3e_8f4a_5b6c7d8e9f00.slice/cri-containerd-" + id + ".scope\n", id, uid},
		"containerd, besteffort":     {"0::/kubepods/besteffort/pod" + uid + "/" + id + "\n", id, uid},
		"containerd without kubelet": {"0::/system.slice/nerdctl-" + id + ".scope\n", id, ""},
		"cri-dockerd, systemd":       {"0::" + kubepods + "/docker-" + id + ".scope\n", id, uid},
		"cri-dockerd, cgroupfs, v1":  {"5:cpu:" + plainPod + "/" + id + "\n", id, uid},
		"kind, nested": {"0::/docker/" + other + "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-" + pod +
			"/cri-containerd-" + id + ".scope\n", id, uid},
		"kind, cgroupfs":         {"0::/docker/" + other + "/kubelet" + plainPod + "/" + id + "\n", id, uid},
		"cgroup namespace of us": {"0::/../../" + pod + "/cri-containerd-" + id + ".scope\n", id, uid},
		"docker in a pod":        {"0::" + kubepods + "/cri-containerd-" + other + ".scope/docker/" + id + "\n", id, uid},
		"a pod's own group":      {"0::" + kubepods + "\n", "", uid},
		"a static pod":           {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod5a1c3d9e0f7b2648a1c3d9e0f7b26481.slice/cri-containerd-" + id + ".scope\n", id, ""},
		"a pod in name only":     {"0::/podcast-2f0d7a1c/pod2f0d7a1c-9d2b-4c3e-8f4a.slice\n", "", ""},
		"half escaped":           {"0::/kubepods/pod2f0d7a1c_9d2b-4c3e-8f4a-5b6c7d8e9f000\n", "", ""},

		"CRI-O, v2, systemd":  {"0::" + kubepods + "/crio-" + id + ".scope\n", id, uid},
		"CRI-O, v2, cgroupfs": {"0::" + plainPod + "/crio-" + id + "\n", id, uid},
		"CRI-O, v1, systemd":  {"2:cpuset:" + kubepods + "/crio-" + id + ".scope\n", id, uid},
		"CRI-O, inner group":  {"0::" + kubepods + "/crio-" + id + ".scope/container\n", id, uid},
		"CRI-O's conmon":      {"0::" + kubepods + "/crio-conmon-" + id + ".scope\n", "", uid},

		"Podman, v2, systemd":   {"0::/machine.slice/libpod-" + id + ".scope/container\n", id, ""},
		"Podman, cgroupfs":      {"0::/libpod_parent/libpod-" + id + "\n", id, ""},
		"Podman, v1":            {"8:pids:/machine.slice/libpod-" + id + ".scope\n", id, ""},
		"Podman, rootless":      {"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id + ".scope/container\n", id, ""},
		"Podman's pod":          {"0::/machine.slice/machine-libpod_pod_" + other + ".slice/libpod-" + id + ".scope\n", id, ""},
		"Podman's conmon":       {"0::/machine.slice/libpod-conmon-" + id + ".scope\n", "", ""},
		"Podman's health log":   {"0::/libpod_parent/conmon\n", "", ""},
		"Fargate":               {"5:memory:/ecs/1f2e3d4c5b6a79880011223344556677/1f2e3d4c5b6a79880011223344556677-2531612879\n", "1f2e3d4c5b6a79880011223344556677-2531612879", ""},
		"63 digits":             {"0::/docker/" + id[1:] + "\n", "", ""},
		"65 digits":             {"0::/docker/" + id + "0\n", "", ""},
		"upper case":            {"0::/docker/" + strings.ToUpper(id) + "\n", "", ""},
		"malformed lines":       {"nonsense\n0:\n:::\n0::/docker/" + id + "\n", id, ""},
		"a colon in a v2 path":  {"0::/a:b/c\n", "", ""},
		"no newline at the end": {"0::/docker/" + id, id, ""},
		"v2 goes before v1":     {"3:cpu:/docker/" + other + "\n0::/docker/" + id + "\n", id, ""},
		"a deleted group":       {"0::/docker/" + id + " (deleted)\n", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			groups := parseCgroups(test.content)
			assert.Equal(t, test.id, groups.containerID())
			assert.Equal(t, test.pod, groups.podUID())
		})
	}
}

func TestPathOfTheUnifiedHierarchy(t *testing.T) {
	for content, want := range map[string]string{
		"":                                 "",
		"0::/":                             "/",
		"4:memory:/docker/a\n":             "",
		"4:memory:/docker/a\n0::/b:c/d\n":  "/b:c/d",
		"1:name=systemd:/x\n0::/../../y\n": "/../../y",
	} {
		assert.Equal(t, want, parseCgroups(content).unified(), content)
	}
}

// unifiedRoot is where cgroup v2 is mounted.
func unifiedRoot(t *testing.T) string {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if err := unix.Statfs(root, &fs); err == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			return root
		}
	}
	t.Fatal("this test needs a mounted cgroup v2")
	return ""
}

// A process in a real cgroup, of the names that the kubelet and containerd give.
func TestWatchAProcessInAContainersCgroup(t *testing.T) {
	root := unifiedRoot(t)
	own := fmt.Sprintf("fathom-%d.slice", os.Getpid())
	path := filepath.Join("/", own, podSlice, "cri-containerd-"+containerOne+".scope")
	child := startChild(t, copyProgram(t, "cart"))
	t.Cleanup(func() { // the last part first, after the process has left
		assert.NoError(t, os.WriteFile(filepath.Join(root, "cgroup.procs"), []byte(strconv.Itoa(child.pid())), 0o600))
		for dir := path; dir != "/"; dir = filepath.Dir(dir) {
			assert.NoError(t, os.Remove(filepath.Join(root, dir)))
		}
	})
	require.NoError(t, os.MkdirAll(filepath.Join(root, path), 0o755), "this test needs root on a machine that lets it make cgroups")
	require.NoError(t, os.WriteFile(filepath.Join(root, path, "cgroup.procs"), []byte(strconv.Itoa(child.pid())), 0o600))
	for name, target := range map[string]Target{
		"cgroup":       {Cgroup: "/" + own + "/**"},
		"ID":           {Container: containerOne},
		"short ID":     {Container: containerOne[:minContainerID]},
		"glob of IDs":  {Container: "dc579f8a8319c8cf7d38e1adf*"},
		"all together": {PID: child.pid(), Cgroup: "**/" + podSlice + "/*", Container: containerOne},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, Config{Targets: []Target{{Container: containerTwo}, target}, Interval: 20 * time.Millisecond})
			defer r.stop()
			e := r.next(t)
			assert.Equal(t, child.pid(), e.Process.PID)
			assert.Equal(t, 1, e.Process.TargetIndex)
			assert.Equal(t, []string{containerOne, podOne, path}, []string{e.Process.ContainerID, e.Process.PodUID, e.Process.CgroupPath})
		})
	}
}
