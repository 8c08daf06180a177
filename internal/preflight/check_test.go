// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// goodFacts are of a machine that lacks nothing.
func goodFacts() Facts {
	return Facts{
		GoVersion:     "go1.26.8",
		KernelRelease: "6.1.0-28-amd64",
		Architecture:  "amd64",
		Capabilities:  1<<41 - 1,
		Tracefs:       Tracefs{Path: tracefsPath},
		Npm:           "/usr/bin/npm",
		Node:          "/usr/bin/node",
		CCompiler:     "/usr/bin/cc",
		Free:          map[string]uint64{".": 10 << 30},
		Memory:        4 << 30,
		Listeners:     map[int]Listener{22: {PID: 1, Name: "sshd"}},
	}
}

// fullNeed asks for everything.
func fullNeed() Need {
	return Need{
		EBPF: true, Engine: true, CCompiler: true, FreeDisk: 8 << 30, Memory: 3 << 30,
		Ports: map[int]string{9000: "ClickHouse", 4317: "OTLP"},
	}
}

func TestCheckOfAGoodMachineFindsNothingMissing(t *testing.T) {
	var names []string
	for _, f := range Check(goodFacts(), fullNeed()) {
		if f.Missing() {
			t.Errorf("%s is missing: %s", f.Name, f.Detail)
		}
		names = append(names, f.Name)
	}
	want := []string{
		"Go", "architecture", "kernel", "capabilities", "BTF", "tracefs", "libchdb", "C compiler",
		"disk", "memory", "port 4317", "port 9000",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

func TestCheckNamesWhatIsMissingAndWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		spoil          func(*Facts)
		check          string
		detail, remedy string
	}{
		"an old Go": {
			func(f *Facts) { f.GoVersion = "go1.25.3" },
			"Go", "go1.25.3", "install Go 1.26 or later",
		},
		"another architecture": {
			func(f *Facts) { f.Architecture = "riscv64" },
			"architecture", "riscv64", "amd64 or arm64",
		},
		"an old kernel": {
			func(f *Facts) { f.KernelRelease = "5.4.0-200-generic" },
			"kernel", "Linux 5.4.0-200-generic", "Linux 5.10 or later",
		},
		"a kernel that cannot be told": {
			func(f *Facts) { f.KernelRelease = "unknown" },
			"kernel", "Linux unknown", "Linux 5.10 or later",
		},
		"not root": {
			func(f *Facts) { f.Capabilities = 0 },
			"capabilities", "missing DAC_READ_SEARCH (to read other users' executables), SYS_PTRACE", "run as root",
		},
		"one capability dropped": {
			func(f *Facts) { f.Capabilities &^= 1 << 39 },
			"capabilities", "missing BPF (to load BPF programs)", "run as root",
		},
		"no BTF": {
			func(f *Facts) { f.BTF = errors.New("open /sys/kernel/btf/vmlinux: no such file or directory") },
			"BTF", "no such file", "CONFIG_DEBUG_INFO_BTF=y",
		},
		"tracefs that cannot be mounted": {
			func(f *Facts) { f.Tracefs = Tracefs{Err: errors.New("mount: operation not permitted")} },
			"tracefs", "operation not permitted", "mount -t tracefs tracefs /sys/kernel/tracing",
		},
		"no npm": {
			func(f *Facts) { f.Npm = "" },
			"libchdb", "npm, which fetches it, is not on PATH", "apt-get install nodejs npm",
		},
		"no node": {
			func(f *Facts) { f.Node = "" },
			"libchdb", "node, which fetches it, is not on PATH", "apt-get install nodejs npm",
		},
		"no libchdb for the platform": {
			func(f *Facts) { f.NoLibrary = errors.New("no build of libchdb is pinned for linux/arm64") },
			"libchdb", "is pinned for linux/arm64", "linux/amd64",
		},
		"no C compiler": {
			func(f *Facts) { f.CCompiler = "" },
			"C compiler", "race detector", "apt-get install gcc",
		},
		"a full disk": {
			func(f *Facts) { f.Free["."] = 1 << 30 },
			"disk", "1.0 GiB free in .", "8.0 GiB are needed",
		},
		"little memory": {
			func(f *Facts) { f.Memory = 1 << 29 },
			"memory", "0.5 GiB available", "3.0 GiB are needed",
		},
		"a port that is taken": {
			func(f *Facts) { f.Listeners[9000] = Listener{PID: 77, Name: "clickhouse-serv"} },
			"port 9000", "ClickHouse needs it and clickhouse-serv (pid 77) listens there", "kill 77",
		},
		"a port taken by a process out of sight": {
			func(f *Facts) { f.Listeners[4317] = Listener{} },
			"port 4317", "another process listens there", "ss -ltnp 'sport = :4317'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			facts := goodFacts()
			test.spoil(&facts)
			var missing []Finding
			for _, f := range Check(facts, fullNeed()) {
				if f.Missing() {
					missing = append(missing, f)
				}
			}
			if len(missing) != 1 || missing[0].Name != test.check {
				t.Fatalf("missing are %+v, want only %q", missing, test.check)
			}
			if !strings.Contains(missing[0].Detail, test.detail) {
				t.Errorf("detail is %q, want it to say %q", missing[0].Detail, test.detail)
			}
			if !strings.Contains(missing[0].Remedy, test.remedy) {
				t.Errorf("remedy is %q, want it to say %q", missing[0].Remedy, test.remedy)
			}
		})
	}
}

func TestACachedLibraryNeedsNoNpm(t *testing.T) {
	facts := goodFacts()
	facts.Npm, facts.Node, facts.Library = "", "", "/root/.cache/fathom/libchdb/1/libchdb.so"
	for _, f := range Check(facts, Need{Engine: true}) {
		if f.Missing() {
			t.Errorf("%s is missing: %s", f.Name, f.Detail)
		}
	}
}

func TestAMountMadeIsSaid(t *testing.T) {
	got := checkTracefs(Facts{Tracefs: Tracefs{Path: tracefsPath, MountedNow: true}})
	want := Finding{Name: "tracefs", Detail: "was not mounted, is now, at /sys/kernel/tracing"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKernelVersion(t *testing.T) {
	for release, want := range map[string][2]int{
		"6.1.0-28-amd64": {6, 1},
		"5.15":           {5, 15},
		"6.18-rc1":       {6, 18},
		"5.8.0":          {5, 8},
	} {
		major, minor, ok := kernelVersion(release)
		if !ok || [2]int{major, minor} != want {
			t.Errorf("kernelVersion(%q) = %d, %d, %v, want %v", release, major, minor, ok, want)
		}
	}
	for _, release := range []string{"", "6", "six.one", "6.x"} {
		if _, _, ok := kernelVersion(release); ok {
			t.Errorf("kernelVersion(%q) is understood, want not", release)
		}
	}
}
