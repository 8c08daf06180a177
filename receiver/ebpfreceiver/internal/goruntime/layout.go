// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goruntime

import (
	"errors"
	"fmt"
	"go/version"
	"strconv"
	"strings"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// Binary is what an executable must tell; *goexec.Binary does.
type Binary interface {
	// Symbol finds a variable by its name.
	Symbol(name string) (goexec.Symbol, error)
	// Offsets finds fields of struct types; those it cannot prove are absent.
	Offsets(fields []goexec.Field) (map[goexec.Field]goexec.Offset, error)
	// TypeSize is the size of a struct type in bytes.
	TypeSize(name string) (uint64, error)
	// WaitReasons are the texts of runtime.g.waitreason.
	WaitReasons() (map[uint8]string, error)
	// GoVersion that built the binary, such as go1.26.8.
	GoVersion() string
}

const (
	oldestMinor, newestMinor = 21, 27

	// maxRegion bounds what is read around the fields of one variable, in
	// bytes; runtime.memstats, the largest, takes about 10 KiB.
	maxRegion = 32 << 10
)

var (
	errVersion  = fmt.Errorf("the formulas are known for go1.%d to go1.%d", oldestMinor, newestMinor)
	errMismatch = errors.New("symbol table and type information contradict each other")
)

// Layout says where a binary keeps the numbers that metrics are computed from.
// It does not change once made and serves all processes of the binary.
type Layout struct {
	regions []region
	places  [numQuantities]place
	has     [numMetrics]bool
	missing []string

	minor     int // of the Go version
	delta     deltaLayout
	classes   int // number of size classes
	cpu       [numCPUClasses]uint64
	processor processorLayout
	thread    threadLayout
	goroutine goroutineLayout
	// waitReasons are the texts of what goroutines wait for, by number.
	waitReasons map[uint8]string
}

// region is a piece of memory that is read at once: of one variable, from the
// first field that is needed to the last.
type region struct {
	address uint64 // link-time
	size    uint64
}

// place is where a quantity lies within what was read.
type place struct {
	region       int
	offset, size uint64
}

// Resolve finds out where a binary keeps its numbers. Metrics whose place is
// not proven are left out and named by Missing.
func Resolve(b Binary) *Layout {
	l := &Layout{}
	minor, err := minorVersion(b.GoVersion())
	if err != nil {
		l.missing = []string{fmt.Sprintf("all metrics: %v", err)}
		return l
	}
	l.minor = minor
	r := resolver{binary: b, minor: minor, layout: l, regions: map[string]*span{}, failed: map[quantity]error{}}
	r.resolveQuantities()
	r.resolveMetrics()
	r.makeRegions()
	return l
}

// Missing names each metric that is left out, and why. It is empty where the
// layout is whole.
func (l *Layout) Missing() []string { return l.missing }

// Any says whether there is a metric that is not left out.
func (l *Layout) Any() bool { return l.has != [numMetrics]bool{} }

// minorVersion reads 26 from "go1.26.8 X:experiment".
func minorVersion(text string) (int, error) {
	release, _, _ := strings.Cut(text, " ")
	_, minor, _ := strings.Cut(version.Lang(release), ".")
	number, err := strconv.Atoi(minor)
	if err != nil || number < oldestMinor || number > newestMinor {
		return 0, fmt.Errorf("built by %q: %w", text, errVersion)
	}
	return number, nil
}

// resolver fills a Layout.
type resolver struct {
	binary  Binary
	minor   int
	layout  *Layout
	regions map[string]*span // by symbol
	symbols []string         // of regions, in order of appearance
	failed  map[quantity]error
	where   [numQuantities]string // the symbol of each quantity
}

// span is the part of a variable that is needed: [from, to) within it.
type span struct {
	address  uint64
	from, to uint64
}

// resolveQuantities finds each quantity within its variable.
func (r *resolver) resolveQuantities() {
	for q := range quantity(numQuantities) {
		from, ok := q.origin(r.minor)
		if !ok {
			continue
		}
		if err := r.resolve(q, from); err != nil {
			r.failed[q] = err
		}
	}
}

func (r *resolver) resolve(q quantity, from origin) error {
	symbol, err := r.binary.Symbol(from.symbol)
	if err != nil {
		return err
	}
	offset, err := r.fieldOffset(from)
	if err != nil {
		return err
	}
	size := from.size
	switch q {
	case heapStats:
		size, err = r.resolveDelta()
	case classSizes:
		size, err = r.resolveClasses(symbol)
	case timeToRun, stopTheWorldGC, stopTheWorldOther, stoppingGC, stoppingOther:
		err = r.checkHistogram()
	default:
		err = r.resolveStructs(q)
	}
	if err != nil {
		return err
	}
	if offset > symbol.Size || size > symbol.Size-offset {
		return fmt.Errorf("%w: %s has %d bytes and a field at %d of %d bytes", errMismatch, from.symbol, symbol.Size, offset, size)
	}
	return r.place(q, from.symbol, symbol.Addr, offset, size)
}

// place widens the region of a variable by a quantity.
func (r *resolver) place(q quantity, symbol string, address, offset, size uint64) error {
	wide := span{address: address, from: offset, to: offset + size}
	known := r.regions[symbol]
	if known != nil {
		wide.from, wide.to = min(wide.from, known.from), max(wide.to, known.to)
	}
	if wide.to-wide.from > maxRegion {
		return fmt.Errorf("%w: fields of %s are %d bytes apart", errMismatch, symbol, wide.to-wide.from)
	}
	if known == nil {
		r.symbols = append(r.symbols, symbol)
	}
	r.regions[symbol] = &wide
	r.where[q] = symbol
	r.layout.places[q] = place{offset: offset, size: size}
	return nil
}

// fieldOffset is 0 for a whole variable.
func (r *resolver) fieldOffset(from origin) (uint64, error) {
	if from.field == "" {
		return 0, nil
	}
	return r.offset(from.typeName, from.field)
}

func (r *resolver) offset(typeName, name string) (uint64, error) {
	field := goexec.Field{Type: typeName, Name: name}
	offsets, err := r.binary.Offsets([]goexec.Field{field})
	if err != nil {
		return 0, err
	}
	return offsets[field].Bytes, nil
}

// resolveMetrics notes which metrics have all that they need.
func (r *resolver) resolveMetrics() {
	for m := range metric(numMetrics) {
		r.layout.has[m] = r.minor >= m.since()
		if !r.layout.has[m] {
			continue // there is nothing to read
		}
		for _, q := range m.needs() {
			if err := r.failed[q]; err != nil {
				r.layout.has[m] = false
				r.layout.missing = append(r.layout.missing, fmt.Sprintf("%s: %v", m.definition().Name, err))
				break
			}
		}
	}
}

// makeRegions turns spans of variables into regions, and offsets within
// variables into offsets within regions.
func (r *resolver) makeRegions() {
	number := map[string]int{}
	for i, symbol := range r.symbols {
		s := r.regions[symbol]
		number[symbol] = i
		r.layout.regions = append(r.layout.regions, region{address: s.address + s.from, size: s.to - s.from})
	}
	for q := range quantity(numQuantities) {
		if symbol := r.where[q]; symbol != "" {
			p := &r.layout.places[q]
			p.region = number[symbol]
			p.offset -= r.regions[symbol].from
		}
	}
}
