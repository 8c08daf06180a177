// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package preflight says, before the work begins, what this machine lacks for it
// and what to do about that. Gather reads the machine into Facts, Check compares
// Facts with a Need and is pure; cmd/fathom-preflight prints what comes of it.
package preflight

// Need is what a piece of work asks of the machine. The zero Need asks nothing.
type Need struct {
	// EBPF asks for the capabilities, kernel, BTF and tracefs of the receiver.
	EBPF bool
	// Engine asks for libchdb, or for npm, which fetches it.
	Engine bool
	// CCompiler asks for a C compiler: the race detector links with it.
	CCompiler bool
	// FreeDisk is the least free space, in bytes, in each directory of Facts.Free.
	FreeDisk uint64
	// Memory is the least available memory in bytes.
	Memory uint64
	// Ports are TCP ports of 127.0.0.1 that must be free, each with its use.
	Ports map[int]string
}

// Facts is what the machine is like, as far as a Need can ask.
type Facts struct {
	GoVersion     string // as runtime.Version, "go1.26.8"
	KernelRelease string // as uname -r, "6.1.0-28-amd64"
	Architecture  string // as runtime.GOARCH
	Capabilities  uint64 // effective set, bit n is capability n (linux/capability.h)
	BTF           error  // why /sys/kernel/btf/vmlinux cannot be read, nil if it can
	Tracefs       Tracefs
	Npm, Node     string // paths, "" if not found
	CCompiler     string // path, "" if not found
	Library       string // path of the cached libchdb.so that the engine loads, "" if it is not there
	NoLibrary     error  // why it can not be fetched either, nil if it can
	Free          map[string]uint64
	Memory        uint64           // bytes available (MemAvailable)
	Listeners     map[int]Listener // who listens on a TCP port that covers 127.0.0.1
}

// Tracefs tells where tracefs is mounted, or why it is not.
type Tracefs struct {
	Path       string
	MountedNow bool  // Gather mounted it
	Err        error // why Path is ""
}

// Listener is a process that listens on a port; PID is 0 if it cannot be told.
type Listener struct {
	PID  int
	Name string
}

// Finding is the outcome of one check.
type Finding struct {
	Name   string
	Detail string // what was found
	Remedy string // what to do about it, "" if all is well
}

// Missing reports whether the finding stands in the way.
func (f Finding) Missing() bool { return f.Remedy != "" }
