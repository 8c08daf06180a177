// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	const tail = " 1 42 42 0 -1 4194560 2300 0 0 0 1 2 0 0 20 0 1 0 8123 1000 100 18446744073709551615 93 94 140736 0 0"
	want := stat{state: 'S', flags: 4194560, startTicks: 8123, startStack: 140736}
	for _, name := range []string{"bash", "a b", "", ") S 1 (", "1) Z 2 3", "new\nline"} {
		got, err := parseStat("42 (" + name + ") S" + tail)
		require.NoError(t, err, "command %q", name)
		assert.Equal(t, want, got, "command %q", name)
	}
}

func TestParseStatRefusesOtherText(t *testing.T) {
	for _, content := range []string{
		"", ")", "42 (a) S", "42 a S 1 2 3",
		"1 (a) S" + strings.Repeat(" 1", 24),  // one field short of the stack's
		"1 (a) S" + strings.Repeat(" -1", 40), // negative
		"1 (a) S" + strings.Repeat(" 99999999999999999999", 40),
	} {
		_, err := parseStat(content)
		require.ErrorIs(t, err, errStat, "content %q", content)
	}
}

func TestStartTime(t *testing.T) {
	boot := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	assert.Equal(t, boot.Add(81*time.Second+230*time.Millisecond), stat{startTicks: 8123}.startTime(boot))
	assert.Equal(t, boot, stat{}.startTime(boot))
	assert.True(t, stat{startTicks: math.MaxUint64}.startTime(boot).After(boot), "a hostile number does not overflow")
}

// dirent is one entry as getdents64 writes it, padded to 8 bytes.
func dirent(inode uint64, name string) []byte {
	b := make([]byte, (19+len(name)+1+7)&^7)
	binary.NativeEndian.PutUint64(b, inode)
	binary.NativeEndian.PutUint16(b[16:], uint16(len(b)))
	copy(b[19:], name)
	return b
}

func TestParseDirents(t *testing.T) {
	var entries []byte
	for i, name := range []string{".", "..", "1", "acpi", "42", "4194304", "12a", "self", "99999999999999999999", "0x1"} {
		entries = append(entries, dirent(uint64(100+i), name)...)
	}
	want := []listed{{pid: 1, inode: 102}, {pid: 42, inode: 104}, {pid: 4194304, inode: 105}}
	assert.Equal(t, want, parseDirents(entries, nil))
}

func TestParseDirentsStopsAtDamage(t *testing.T) {
	good := dirent(7, "7")
	for name, length := range map[string]uint16{"zero": 0, "within the header": 19, "beyond the end": 4096} {
		bad := dirent(8, "8")
		binary.NativeEndian.PutUint16(bad[16:], length)
		assert.Equal(t, []listed{{pid: 7, inode: 7}}, parseDirents(append(append([]byte{}, good...), bad...), nil), name)
	}
	for cut := range len(good) {
		assert.Empty(t, parseDirents(good[:cut], nil), "cut at %d", cut)
	}
}

func TestParseEnvironment(t *testing.T) {
	tests := map[string]struct {
		content string
		want    environment
	}{
		"empty":     {"", environment{}},
		"unrelated": {"PATH=/bin\x00HOME=/root\x00", environment{}},
		"name":      {"A=1\x00OTEL_SERVICE_NAME=cart\x00", environment{serviceName: "cart"}},
		"first counts": {
			"OTEL_SERVICE_NAME=one\x00OTEL_SERVICE_NAME=two\x00OTEL_RESOURCE_ATTRIBUTES=a=1\x00OTEL_RESOURCE_ATTRIBUTES=a=2\x00",
			environment{serviceName: "one", resourceAttributes: map[string]string{"a": "1"}},
		},
		"attributes": {
			"OTEL_RESOURCE_ATTRIBUTES=service.name=cart, deployment.environment.name = a%2Cb%3Dc ,broken,=x,url=http://x?a=b,bad=%zz,empty=\x00",
			environment{resourceAttributes: map[string]string{
				"service.name": "cart", "deployment.environment.name": "a,b=c", "url": "http://x?a=b", "bad": "%zz", "empty": "",
			}},
		},
		"a name's suffix":   {"XOTEL_SERVICE_NAME=cart\x00", environment{}},
		"no terminating 0":  {"OTEL_SERVICE_NAME=cart", environment{serviceName: "cart"}},
		"overwritten by 0s": {strings.Repeat("\x00", 4096), environment{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, parseEnvironment(test.content))
		})
	}
}

func TestContainerID(t *testing.T) {
	const id = "dc579f8a8319c8cf7d38e1adf263bc08d230600179e9d1f4a3d1a3b4c5d6e7f8"
	const other = "aaaaaaaa8319c8cf7d38e1adf263bc08d230600179e9d1f4a3d1a3b4c5d6e7f8"
	const pod = "kubepods-burstable-pod2f0d7a1c_9d2b_4c3e_8f4a_5b6c7d8e9f00.slice"
	tests := map[string]struct{ content, unified, id string }{
		"empty":                   {"", "", ""},
		"no container":            {"0::/system.slice/ssh.service\n", "/system.slice/ssh.service", ""},
		"root":                    {"0::/\n", "/", ""},
		"user session":            {"0::/user.slice/user-1000.slice/session-2.scope\n", "/user.slice/user-1000.slice/session-2.scope", ""},
		"docker, v2, systemd":     {"0::/system.slice/docker-" + id + ".scope\n", "/system.slice/docker-" + id + ".scope", id},
		"docker, v2, cgroupfs":    {"0::/docker/" + id + "\n", "/docker/" + id, id},
		"docker, v1":              {"12:perf_event:/docker/" + id + "\n4:cpu,cpuacct:/docker/" + id + "\n1:name=systemd:/docker/" + id + "\n", "", id},
		"docker, hybrid":          {"4:memory:/docker/" + id + "\n0::/\n", "/", id},
		"docker in docker":        {"0::/docker/" + other + "/docker/" + id + "\n", "/docker/" + other + "/docker/" + id, id},
		"systemd in docker":       {"0::/docker/" + id + "/system.slice/nginx.service\n", "/docker/" + id + "/system.slice/nginx.service", id},
		"containerd, systemd":     {"0::/kubepods.slice/kubepods-burstable.slice/" + pod + "/cri-containerd-" + id + ".scope\n", "/kubepods.slice/kubepods-burstable.slice/" + pod + "/cri-containerd-" + id + ".scope", id},
		"containerd, cgroupfs":    {"0::/kubepods/burstable/pod2f0d7a1c-9d2b-4c3e-8f4a-5b6c7d8e9f00/" + id + "\n", "/kubepods/burstable/pod2f0d7a1c-9d2b-4c3e-8f4a-5b6c7d8e9f00/" + id, id},
		"containerd, v1, colons":  {"7:memory:/system.slice/containerd.service/" + pod + ":cri-containerd:" + id + "\n", "", id},
		"kind, nested":            {"0::/docker/" + other + "/kubelet.slice/kubelet-kubepods.slice/" + pod + "/cri-containerd-" + id + ".scope\n", "/docker/" + other + "/kubelet.slice/kubelet-kubepods.slice/" + pod + "/cri-containerd-" + id + ".scope", id},
		"cgroup namespace of us":  {"0::/../../" + pod + "/cri-containerd-" + id + ".scope\n", "/../../" + pod + "/cri-containerd-" + id + ".scope", id},
		"CRI-O, systemd":          {"0::/kubepods.slice/" + pod + "/crio-" + id + ".scope\n", "/kubepods.slice/" + pod + "/crio-" + id + ".scope", id},
		"CRI-O, inner group":      {"0::/kubepods.slice/" + pod + "/crio-" + id + ".scope/container\n", "/kubepods.slice/" + pod + "/crio-" + id + ".scope/container", id},
		"CRI-O's conmon":          {"0::/kubepods.slice/" + pod + "/crio-conmon-" + id + ".scope\n", "/kubepods.slice/" + pod + "/crio-conmon-" + id + ".scope", ""},
		"Podman":                  {"0::/machine.slice/libpod-" + id + ".scope/container\n", "/machine.slice/libpod-" + id + ".scope/container", id},
		"Podman's conmon":         {"0::/machine.slice/libpod-conmon-" + id + ".scope\n", "/machine.slice/libpod-conmon-" + id + ".scope", ""},
		"Fargate":                 {"5:memory:/ecs/1f2e3d4c5b6a79880011223344556677/1f2e3d4c5b6a79880011223344556677-2531612879\n", "", "1f2e3d4c5b6a79880011223344556677-2531612879"},
		"63 digits":               {"0::/docker/" + id[1:] + "\n", "/docker/" + id[1:], ""},
		"65 digits":               {"0::/docker/" + id + "0\n", "/docker/" + id + "0", ""},
		"upper case":              {"0::/docker/" + strings.ToUpper(id) + "\n", "/docker/" + strings.ToUpper(id), ""},
		"malformed lines":         {"nonsense\n0:\n:::\n0::/docker/" + id + "\n", "/docker/" + id, id},
		"a colon in a v2 path":    {"0::/a:b/c\n", "/a:b/c", ""},
		"no newline at the end":   {"0::/docker/" + id, "/docker/" + id, id},
		"v2 goes before v1":       {"3:cpu:/docker/" + other + "\n0::/docker/" + id + "\n", "/docker/" + id, id},
		"deleted container group": {"0::/docker/" + id + " (deleted)\n", "/docker/" + id + " (deleted)", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			groups := parseCgroups(test.content)
			assert.Equal(t, test.unified, groups.unified())
			assert.Equal(t, test.id, groups.containerID())
		})
	}
}

func TestOutcomesHaveNames(t *testing.T) {
	names := map[string]bool{}
	for o := range Outcome(NumOutcomes) {
		assert.NotContains(t, o.String(), "(")
		names[o.String()] = true
	}
	assert.Len(t, names, NumOutcomes)
	assert.Equal(t, "outcome(8)", Outcome(NumOutcomes).String())
}

// FuzzParse gives the parsers of /proc any text: they must end.
func FuzzParse(f *testing.F) {
	f.Add("42 (a) S 1 1 1 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 8123 0 0 0 0 0 5 0 0")
	f.Add("OTEL_SERVICE_NAME=a\x00OTEL_RESOURCE_ATTRIBUTES=a=b,c=%20\x00")
	f.Add("0::/docker/dc579f8a8319c8cf7d38e1adf263bc08d230600179e9d1f4a3d1a3b4c5d6e7f8\n")
	f.Add(string(dirent(1, "1")) + string(dirent(2, "2")))
	f.Fuzz(func(t *testing.T, content string) {
		_, _ = parseStat(content)
		_ = parseEnvironment(content)
		if id := parseCgroups(content).containerID(); id != "" && !strings.Contains(content, id) {
			t.Errorf("container %q is not in %q", id, content)
		}
		if n := len(parseDirents([]byte(content), nil)); n > len(content)/19 {
			t.Errorf("%d processes in %d bytes", n, len(content))
		}
	})
}
