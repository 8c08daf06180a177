// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

const (
	btfPath      = "/sys/kernel/btf/vmlinux"
	tracefsPath  = "/sys/kernel/tracing"
	debugTracing = "/sys/kernel/debug/tracing"
)

// Gather reads the machine. dirs are those whose free space matters; the nearest
// existing parent stands for one that does not exist yet. It changes nothing,
// except that it mounts tracefs if it may.
func Gather(dirs ...string) (Facts, error) {
	var problems []error
	note := func(what string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", what, err))
		}
	}
	var uts unix.Utsname
	note("read the kernel's release", unix.Uname(&uts))
	status, err := os.ReadFile("/proc/self/status")
	note("read capabilities", err)
	caps, err := effectiveCapabilities(string(status))
	note("read capabilities", err)
	meminfo, err := os.ReadFile("/proc/meminfo")
	note("read available memory", err)
	memory, err := availableMemory(string(meminfo))
	note("read available memory", err)
	listeners, err := listeningPorts()
	note("read listening ports", err)
	library, unobtainable := cachedLibrary()
	free := map[string]uint64{}
	for _, dir := range dirs {
		free[dir], err = freeSpace(dir)
		note("read free space", err)
	}
	return Facts{
		GoVersion:     runtime.Version(),
		KernelRelease: unix.ByteSliceToString(uts.Release[:]),
		Architecture:  runtime.GOARCH,
		Capabilities:  caps,
		BTF:           readable(btfPath),
		Tracefs:       tracefs(),
		Npm:           onPath("npm"),
		Node:          onPath("node"),
		CCompiler:     onPath("cc", "gcc"),
		Library:       library,
		NoLibrary:     unobtainable,
		Free:          free,
		Memory:        memory,
		Listeners:     listeners,
	}, errors.Join(problems...)
}

// effectiveCapabilities reads the CapEff line of proc_pid_status(5).
func effectiveCapabilities(status string) (uint64, error) {
	for line := range strings.Lines(status) {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			return strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		}
	}
	return 0, errors.New("/proc/self/status has no CapEff line")
}

// availableMemory reads the MemAvailable line of proc_meminfo(5), in bytes.
func availableMemory(meminfo string) (uint64, error) {
	for line := range strings.Lines(meminfo) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/meminfo has no MemAvailable line")
}

func readable(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return file.Close()
}

// tracefs finds the mounted tracefs, or mounts it.
func tracefs() Tracefs {
	for _, path := range []string{tracefsPath, debugTracing} {
		if isTracefs(path) {
			return Tracefs{Path: path}
		}
	}
	if err := unix.Mount("tracefs", tracefsPath, "tracefs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return Tracefs{Err: fmt.Errorf("mount %s: %w", tracefsPath, err)}
	}
	return Tracefs{Path: tracefsPath, MountedNow: true}
}

func isTracefs(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.TRACEFS_MAGIC
}

func onPath(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// cachedLibrary is the libchdb.so that clickhouse-engine would load, "" when it
// has to be fetched first, or an error when it can not be.
func cachedLibrary() (string, error) {
	path, err := chdblibrary.Find("")
	var missing *chdblibrary.MissingError
	if errors.As(err, &missing) {
		return "", nil
	}
	return path, err
}

// freeSpace tells how many bytes an unprivileged process may still write below dir.
func freeSpace(dir string) (uint64, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return 0, err
	}
	var st unix.Statfs_t
	for {
		err := unix.Statfs(dir, &st)
		if err == nil {
			return st.Bavail * uint64(st.Bsize), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return 0, fmt.Errorf("%s: %w", dir, err)
		}
		dir = filepath.Dir(dir)
	}
}
