// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goruntime"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// maxAnalyses bounds the memory of analyses; a node has fewer executables.
const maxAnalyses = 512

// identity tells an executable from any other, as well as from what it was
// before it was written over.
type identity struct {
	device, inode  uint64
	size, modified int64
}

// analysis is what was proven of an executable.
type analysis struct {
	plan    *plan.Plan
	runtime *goruntime.Layout
}

// analyses holds those of executables that were met, bounded by maxAnalyses.
type analyses map[identity]analysis

// executablePath leads to the file that a process executes, even where it was
// deleted, replaced or is in another mount namespace.
func executablePath(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/exe" }

// of returns the analysis of the executable of a process, and whether it was made now.
func (a analyses) of(pid int) (made analysis, fresh bool, err error) {
	path := executablePath(pid)
	id, err := identify(path)
	if err != nil {
		return analysis{}, false, err
	}
	if known, ok := a[id]; ok {
		return known, false, nil
	}
	binary, err := goexec.Open(path)
	if err != nil {
		return analysis{}, false, fmt.Errorf("analysing the executable: %w", err)
	}
	defer func() { err = errors.Join(err, binary.Close()) }()
	made = analysis{plan: plan.For(binary), runtime: goruntime.Resolve(binary)}
	if len(a) >= maxAnalyses {
		clear(a) // what runs is analysed again when it is met again
	}
	a[id] = made
	return made, true, nil
}

// refusals are all features that are left out for the executable.
func (a analysis) refusals() []plan.Refusal {
	refused := a.plan.Refused
	if missing := a.runtime.Missing(); len(missing) > 0 {
		refused = append(slices.Clone(refused), plan.Refusal{
			Feature: plan.RuntimeMetrics, Reason: errors.New(strings.Join(missing, "; ")),
		})
	}
	return refused
}

func identify(path string) (identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, fmt.Errorf("looking at the executable: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, fmt.Errorf("looking at the executable: %s has no inode", path)
	}
	return identity{stat.Dev, stat.Ino, info.Size(), info.ModTime().UnixNano()}, nil
}

// loadBias is where the process's executable was loaded, less where it was linked.
func loadBias(pid int) (bias uint64, err error) {
	binary, err := goexec.Open(executablePath(pid))
	if err != nil {
		return 0, fmt.Errorf("analysing the executable: %w", err)
	}
	defer func() { err = errors.Join(err, binary.Close()) }()
	if !binary.PIE() {
		return 0, nil
	}
	maps, err := os.Open("/proc/" + strconv.Itoa(pid) + "/maps")
	if err != nil {
		return 0, fmt.Errorf("reading the mappings: %w", err)
	}
	defer maps.Close()
	return binary.LoadBias(maps)
}

// hasVanished reports whether an error only says that the process has ended.
func hasVanished(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
