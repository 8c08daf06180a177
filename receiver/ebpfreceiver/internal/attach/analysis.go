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

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/allocations"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goroutines"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goruntime"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
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
	// goroutines is nil where they cannot be read, for noGoroutines.
	goroutines   *goroutines.Layout
	noGoroutines error
	// code is nil where it cannot be told what its instructions are, for noCode.
	code   *profile.Code
	noCode error
	// allocations is nil where the heap profile cannot be read, for noAllocations.
	allocations   *allocations.Layout
	noAllocations error
}

// analyses holds those of executables that were met, bounded by maxAnalyses.
type analyses map[identity]analysis

// openExecutable opens the file that a process executes, even where it was
// deleted, replaced or is in another mount namespace. All that follows is about
// that file, whatever the process executes by then.
func openExecutable(pid int) (*os.File, error) {
	file, err := os.Open("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return nil, fmt.Errorf("opening the executable: %w", err)
	}
	return file, nil
}

// reopen analyses an open file anew, with an offset of its own.
func reopen(file *os.File) (*goexec.Binary, error) {
	binary, err := goexec.Open("/proc/self/fd/" + strconv.Itoa(int(file.Fd())))
	if err != nil {
		return nil, fmt.Errorf("analysing the executable: %w", err)
	}
	return binary, nil
}

// of returns the analysis of an executable, and whether it was made now.
func (a analyses) of(file *os.File) (made analysis, fresh bool, err error) {
	id, err := identify(file)
	if err != nil {
		return analysis{}, false, err
	}
	if known, ok := a[id]; ok {
		return known, false, nil
	}
	binary, err := reopen(file)
	if err != nil {
		return analysis{}, false, err
	}
	defer func() { err = errors.Join(err, binary.Close()) }()
	made = analysis{plan: plan.For(binary), runtime: goruntime.Resolve(binary)}
	made.goroutines, made.noGoroutines = goroutines.Resolve(binary)
	made.code, made.noCode = profile.Resolve(binary)
	made.allocations, made.noAllocations = allocations.Resolve(binary)
	if made.code == nil && made.allocations != nil { // sites without names are of no use
		made.allocations, made.noAllocations = nil, made.noCode
	}
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
	if a.noGoroutines != nil {
		refused = append(slices.Clone(refused), plan.Refusal{Feature: plan.Goroutines, Reason: a.noGoroutines})
	}
	if a.noCode != nil {
		refused = append(slices.Clone(refused), plan.Refusal{Feature: plan.Profiles, Reason: a.noCode})
	}
	if a.noAllocations != nil {
		refused = append(slices.Clone(refused), plan.Refusal{Feature: plan.Allocations, Reason: a.noAllocations})
	}
	return refused
}

func identify(file *os.File) (identity, error) {
	info, err := file.Stat()
	if err != nil {
		return identity{}, fmt.Errorf("looking at the executable: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, fmt.Errorf("looking at the executable: %s has no inode", file.Name())
	}
	return identity{stat.Dev, stat.Ino, info.Size(), info.ModTime().UnixNano()}, nil
}

// loadBias is where the process loaded the executable, less where it was linked.
func loadBias(pid int, file *os.File) (bias uint64, err error) {
	binary, err := reopen(file)
	if err != nil {
		return 0, err
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
