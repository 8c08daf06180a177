// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// LoadBias reads the content of /proc/PID/maps (proc_pid_maps(5)) of a process
// that runs this executable: run-time address = link-time address + bias. The
// mapping is recognised by the file's path, else by its inode, and by its
// execute permission and file offset. The bias is 0 when the executable is not
// position-independent.
func (b *Binary) LoadBias(maps io.Reader) (uint64, error) {
	if !b.PIE() {
		return 0, nil
	}
	var byInode *uint64
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		m, ok := parseMapping(lines.Text())
		if !ok || !strings.Contains(m.permissions, "x") {
			continue
		}
		bias, ok := b.image.bias(m)
		if ok && b.path != "" && m.path == b.path {
			return bias, nil
		}
		if ok && byInode == nil && m.inode != 0 && m.inode == b.inode {
			byInode = &bias
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("read mappings: %w", err)
	}
	if byInode == nil {
		return 0, fmt.Errorf("the process has no executable mapping of %s: it may run another file", b.path)
	}
	return *byInode, nil
}

// bias is that of an executable segment that starts inside m.
func (img *image) bias(m mapping) (uint64, bool) {
	for _, p := range img.file.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && m.offset <= p.Off && p.Off-m.offset < m.end-m.start {
			return m.start + (p.Off - m.offset) - p.Vaddr, true
		}
	}
	return 0, false
}

// mapping is one line of /proc/PID/maps.
type mapping struct {
	start, end, offset, inode uint64
	permissions, path         string
}

// parseMapping reads "start-end permissions offset device inode   path".
func parseMapping(line string) (mapping, bool) {
	fields := strings.SplitN(line, " ", 6)
	if len(fields) < 6 {
		return mapping{}, false
	}
	low, high, _ := strings.Cut(fields[0], "-")
	start, err1 := strconv.ParseUint(low, 16, 64)
	end, err2 := strconv.ParseUint(high, 16, 64)
	offset, err3 := strconv.ParseUint(fields[2], 16, 64)
	inode, err4 := strconv.ParseUint(fields[4], 10, 64)
	if errors.Join(err1, err2, err3, err4) != nil || end < start {
		return mapping{}, false
	}
	path := strings.TrimSuffix(strings.TrimLeft(fields[5], " "), " (deleted)")
	return mapping{start: start, end: end, offset: offset, inode: inode, permissions: fields[1], path: path}, true
}
