// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"fmt"
	"go/version"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	// minGo is the language version of go.mod.
	minGo = "go1.26"

	// The oldest kernel that the BPF programs are tested on: Debian 11's.
	minKernelMajor, minKernelMinor = 5, 10
	// The first that does not count BPF maps as locked memory.
	memcgKernelMajor, memcgKernelMinor = 5, 11
)

// capability is a bit of linux/capability.h that the agent needs, and what for.
type capability struct {
	bit  uint
	name string
	use  string
}

func capabilities(kernelRelease string) []capability {
	needed := []capability{
		{2, "DAC_READ_SEARCH", "read other users' executables"},
		{19, "SYS_PTRACE", "read other processes' memory and /proc"},
		{38, "PERFMON", "attach probes"},
		{39, "BPF", "load BPF programs"},
	}
	if major, minor, ok := kernelVersion(kernelRelease); ok && before(major, minor, memcgKernelMajor, memcgKernelMinor) {
		needed = append(needed, capability{24, "SYS_RESOURCE", "raise the limit of locked memory"})
	}
	return needed
}

func before(major, minor, thanMajor, thanMinor int) bool {
	return major < thanMajor || major == thanMajor && minor < thanMinor
}

// Check compares the facts with the need. Findings come in a fixed order; those
// of what was not asked for are left out.
func Check(f Facts, n Need) []Finding {
	all := []Finding{checkGo(f)}
	if n.EBPF {
		all = append(all, checkArchitecture(f), checkKernel(f), checkCapabilities(f), checkBTF(f), checkTracefs(f))
	}
	if n.Engine {
		all = append(all, checkEngine(f))
	}
	if n.CCompiler {
		all = append(all, checkCCompiler(f))
	}
	if n.FreeDisk > 0 {
		all = append(all, checkDisk(f, n)...)
	}
	if n.Memory > 0 {
		all = append(all, checkMemory(f, n))
	}
	return append(all, checkPorts(f, n)...)
}

func checkGo(f Facts) Finding {
	found := Finding{Name: "Go", Detail: f.GoVersion}
	if version.Compare(f.GoVersion, minGo) < 0 {
		found.Remedy = "install Go " + strings.TrimPrefix(minGo, "go") + " or later from https://go.dev/dl"
	}
	return found
}

func checkArchitecture(f Facts) Finding {
	found := Finding{Name: "architecture", Detail: f.Architecture}
	if f.Architecture != "amd64" && f.Architecture != "arm64" {
		found.Remedy = "use an amd64 or arm64 machine: the BPF programs exist for these"
	}
	return found
}

func checkKernel(f Facts) Finding {
	found := Finding{Name: "kernel", Detail: "Linux " + f.KernelRelease}
	major, minor, ok := kernelVersion(f.KernelRelease)
	if !ok || before(major, minor, minKernelMajor, minKernelMinor) {
		found.Remedy = fmt.Sprintf("use Linux %d.%d or later: the BPF programs were not tried on older ones", minKernelMajor, minKernelMinor)
	}
	return found
}

func kernelVersion(release string) (major, minor int, ok bool) {
	first, rest, ok := strings.Cut(release, ".")
	if !ok {
		return 0, 0, false
	}
	second := rest
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		second = rest[:end]
	}
	major, err1 := strconv.Atoi(first)
	minor, err2 := strconv.Atoi(second)
	return major, minor, err1 == nil && err2 == nil
}

func checkCapabilities(f Facts) Finding {
	var missing []string
	for _, c := range capabilities(f.KernelRelease) {
		if f.Capabilities&(1<<c.bit) == 0 {
			missing = append(missing, c.name+" (to "+c.use+")")
		}
	}
	if len(missing) == 0 {
		return Finding{Name: "capabilities", Detail: "all that the eBPF receiver needs"}
	}
	return Finding{
		Name:   "capabilities",
		Detail: "missing " + strings.Join(missing, ", "),
		Remedy: "run as root (sudo), outside of a container that drops them",
	}
}

func checkBTF(f Facts) Finding {
	if f.BTF == nil {
		return Finding{Name: "BTF", Detail: btfPath}
	}
	return Finding{
		Name:   "BTF",
		Detail: f.BTF.Error(),
		Remedy: "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of Debian 12, Ubuntu 22.04 and RHEL 9 are; in a container, mount the host's /sys/kernel/btf",
	}
}

func checkTracefs(f Facts) Finding {
	switch {
	case f.Tracefs.Path != "" && f.Tracefs.MountedNow:
		return Finding{Name: "tracefs", Detail: "was not mounted, is now, at " + f.Tracefs.Path}
	case f.Tracefs.Path != "":
		return Finding{Name: "tracefs", Detail: f.Tracefs.Path}
	}
	detail := "not mounted"
	if f.Tracefs.Err != nil {
		detail += ": " + f.Tracefs.Err.Error()
	}
	return Finding{
		Name:   "tracefs",
		Detail: detail,
		Remedy: "mount it as root: mount -t tracefs tracefs " + tracefsPath + "; in a container, mount the host's " + tracefsPath,
	}
}

func checkEngine(f Facts) Finding {
	switch {
	case f.Library != "":
		return Finding{Name: "libchdb", Detail: f.Library}
	case f.NoLibrary != nil:
		return Finding{
			Name:   "libchdb",
			Detail: f.NoLibrary.Error(),
			Remedy: "use a linux/amd64 machine whose user has a home directory, or set FATHOM_CACHE",
		}
	case f.Npm != "" && f.Node != "":
		return Finding{Name: "libchdb", Detail: "not fetched yet; npm is here to fetch it (" + f.Npm + ")"}
	}
	lacking := "npm"
	if f.Node == "" {
		lacking = "node"
	}
	return Finding{
		Name:   "libchdb",
		Detail: "not fetched yet, and " + lacking + ", which fetches it, is not on PATH",
		Remedy: "install them: apt-get install nodejs npm",
	}
}

func checkCCompiler(f Facts) Finding {
	if f.CCompiler != "" {
		return Finding{Name: "C compiler", Detail: f.CCompiler}
	}
	return Finding{
		Name:   "C compiler",
		Detail: "neither cc nor gcc is on PATH; Go's race detector needs one",
		Remedy: "install one: apt-get install gcc libc6-dev",
	}
}

func checkDisk(f Facts, n Need) []Finding {
	var all []Finding
	for _, dir := range slices.Sorted(maps.Keys(f.Free)) {
		found := Finding{Name: "disk", Detail: gib(f.Free[dir]) + " free in " + dir}
		if f.Free[dir] < n.FreeDisk {
			found.Remedy = "free some: " + gib(n.FreeDisk) + " are needed for modules, build cache and ClickHouse"
		}
		all = append(all, found)
	}
	return all
}

func checkMemory(f Facts, n Need) Finding {
	found := Finding{Name: "memory", Detail: gib(f.Memory) + " available"}
	if f.Memory < n.Memory {
		found.Remedy = "free some: " + gib(n.Memory) + " are needed, mostly to compile the agent"
	}
	return found
}

func checkPorts(f Facts, n Need) []Finding {
	var all []Finding
	for _, port := range slices.Sorted(maps.Keys(n.Ports)) {
		name := fmt.Sprintf("port %d", port)
		l, busy := f.Listeners[port]
		switch {
		case !busy:
			all = append(all, Finding{Name: name, Detail: "free for " + n.Ports[port]})
		case l.PID == 0:
			all = append(all, Finding{
				Name: name, Detail: n.Ports[port] + " needs it and another process listens there",
				Remedy: fmt.Sprintf("find it as root with ss -ltnp 'sport = :%d' and stop it", port),
			})
		default:
			all = append(all, Finding{
				Name: name, Detail: fmt.Sprintf("%s needs it and %s (pid %d) listens there", n.Ports[port], l.Name, l.PID),
				Remedy: fmt.Sprintf("stop that process: kill %d", l.PID),
			})
		}
	}
	return all
}

func gib(bytes uint64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }
