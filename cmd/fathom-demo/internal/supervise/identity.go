// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// identity tells a process from a later one with the same PID.
type identity struct {
	PID int `json:"pid"`
	// Started is the process's start in clock ticks since boot: field 22 of
	// /proc/<pid>/stat, proc_pid_stat(5).
	Started uint64 `json:"started"`
}

// identify reads who has the PID now.
func identify(pid int) (identity, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return identity{}, err
	}
	_, started, err := parseStat(text)
	if err != nil {
		return identity{}, fmt.Errorf("reading /proc/%d/stat: %w", pid, err)
	}
	return identity{PID: pid, Started: started}, nil
}

// alive tells whether the process exists and has not ended. One that ended and
// was not waited for has.
func (i identity) alive() (bool, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(i.PID), "stat"))
	if errors.Is(err, fs.ErrNotExist) || isNoProcess(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	state, started, err := parseStat(text)
	if err != nil {
		return false, fmt.Errorf("reading /proc/%d/stat: %w", i.PID, err)
	}
	return started == i.Started && state != "Z" && state != "X", nil
}

// parseStat reads state and start time. The name, in parentheses, may hold
// spaces and parentheses itself.
func parseStat(text []byte) (state string, started uint64, err error) {
	const stateField, startedField = 0, 19 // counted from behind the name
	end := bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[end+1:]))
	if end < 0 || len(fields) <= startedField {
		return "", 0, errors.New("it is not in the format of proc_pid_stat(5)")
	}
	started, err = strconv.ParseUint(fields[startedField], 10, 64)
	return fields[stateField], started, err
}
