// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// stat is what discovery needs of /proc/<pid>/stat (proc_pid_stat(5)).
type stat struct {
	state byte
	flags uint64
	// startTicks is when the process started, in ticks since boot.
	startTicks uint64
	// startStack is the address of the bottom of the stack: an execve moves it
	// (0 without the right to know).
	startStack uint64
}

const (
	// tick of /proc/<pid>/stat: USER_HZ is 100 on amd64 and arm64.
	tick = 10 * time.Millisecond
	// flagKernelThread is PF_KTHREAD of the kernel's include/linux/sched.h.
	flagKernelThread = 0x00200000

	// Fields of /proc/<pid>/stat, counted from the state, which is the third.
	fieldFlags      = 9 - 3
	fieldStartTicks = 22 - 3
	fieldStartStack = 28 - 3
)

var errStat = errors.New("malformed stat of a process")

// parseStat reads the content of /proc/<pid>/stat. The command's name, second
// and in parentheses, may hold anything, so fields count from the last ")".
func parseStat(content string) (stat, error) {
	end := strings.LastIndexByte(content, ')')
	fields := strings.Fields(content[end+1:])
	if end < 0 || len(fields) <= fieldStartStack {
		return stat{}, fmt.Errorf("%w: %d fields after the command", errStat, len(fields))
	}
	s := stat{state: fields[0][0]}
	for index, into := range map[int]*uint64{fieldFlags: &s.flags, fieldStartTicks: &s.startTicks, fieldStartStack: &s.startStack} {
		value, err := strconv.ParseUint(fields[index], 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("%w: field %d: %w", errStat, index+3, err)
		}
		*into = value
	}
	return s, nil
}

// ended tells whether nothing runs in the process any more: a zombie waits for
// its parent only.
func (s stat) ended() bool { return s.state == 'Z' || s.state == 'X' || s.state == 'x' }

func (s stat) kernelThread() bool { return s.flags&flagKernelThread != 0 }

// sameProgram tells whether two states are of one process with no execve between.
func (s stat) sameProgram(other stat) bool {
	return s.startTicks == other.startTicks && s.startStack == other.startStack
}

// startTime is when the process started, given when the host booted.
func (s stat) startTime(boot time.Time) time.Time {
	const century = 100 * 365 * 24 * time.Hour / tick
	return boot.Add(time.Duration(min(s.startTicks, uint64(century))) * tick)
}

// listed is one process in a listing of the proc tree.
type listed struct {
	pid   int
	inode uint64
}

// parseDirents appends the processes among the entries that getdents64(2)
// wrote: 8 bytes of inode, 8 of offset, 2 of length, 1 of type, then the name.
func parseDirents(entries []byte, into []listed) []listed {
	const nameAt = 19
	for len(entries) > nameAt {
		length := int(binary.NativeEndian.Uint16(entries[16:]))
		if length <= nameAt || length > len(entries) {
			return into
		}
		if pid, ok := parsePID(entries[nameAt:length]); ok {
			into = append(into, listed{pid: pid, inode: binary.NativeEndian.Uint64(entries)})
		}
		entries = entries[length:]
	}
	return into
}

// parsePID reads a decimal number that ends at a NUL or at the end.
func parsePID(name []byte) (int, bool) {
	pid := 0
	for i, c := range name {
		if c == 0 {
			return pid, i > 0
		}
		if c < '0' || c > '9' || pid > 1<<24 {
			return 0, false
		}
		pid = pid*10 + int(c-'0')
	}
	return pid, len(name) > 0
}
