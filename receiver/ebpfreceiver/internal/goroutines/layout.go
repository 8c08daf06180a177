// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

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
	// WaitReasons are the texts of runtime.g.waitreason.
	WaitReasons() (map[uint8]string, error)
	// Lines finds the source of machine code.
	Lines() (*goexec.Lines, error)
	// GoVersion that built the binary, such as go1.26.8.
	GoVersion() string
}

const (
	// oldestMinor and newestMinor are the releases whose runtime/runtime2.go and
	// runtime/proc.go were compared with what is read here.
	oldestMinor, newestMinor = 21, 26

	wordSize  = 8
	maxWindow = 1 << 10 // of a runtime.g, which takes about 450 bytes
)

var (
	errVersion  = fmt.Errorf("goroutines are known from go1.%d to go1.%d", oldestMinor, newestMinor)
	errMismatch = errors.New("symbol table and type information contradict each other")
)

// Layout says where a binary keeps its goroutines. It serves all processes of
// the binary, one at a time.
type Layout struct {
	list    uint64 // link-time address of runtime.allgptr, the first element of runtime.allgs
	length  uint64 // and of runtime.allglen, how many it has
	window  uint64 // the first bytes of a runtime.g, with all fields that are read
	fields  fields
	reasons map[uint8]string
	places  *places
}

// fields are offsets within runtime.g.
type fields struct {
	stackLow, stackHigh  uint64
	sp, pc, bp           uint64 // of sched
	status, id, reason   uint64
	sequence, created    uint64
	start                uint64
	parent               uint64 // absent where 0: the first field is the stack
	syscallPC, syscallBP uint64 // absent where 0: from Go 1.23 on
	syscallSP            uint64
}

// Resolve finds out where a binary keeps its goroutines. What is not proven
// makes it fail: there is no part of a dump without the others.
func Resolve(b Binary) (*Layout, error) {
	if err := checkVersion(b.GoVersion()); err != nil {
		return nil, err
	}
	l := &Layout{}
	var err error
	if l.list, err = word(b, "runtime.allgptr"); err != nil {
		return nil, err
	}
	if l.length, err = word(b, "runtime.allglen"); err != nil {
		return nil, err
	}
	if err := l.resolveFields(b); err != nil {
		return nil, err
	}
	if l.reasons, err = b.WaitReasons(); err != nil {
		return nil, err
	}
	lines, err := b.Lines()
	if err != nil {
		return nil, fmt.Errorf("finding the source of stacks: %w", err)
	}
	l.places = newPlaces(lines)
	return l, nil
}

// word is where a variable of one word is.
func word(b Binary, name string) (uint64, error) {
	symbol, err := b.Symbol(name)
	if err != nil {
		return 0, err
	}
	if symbol.Size != wordSize {
		return 0, fmt.Errorf("%w: %s has %d bytes", errMismatch, name, symbol.Size)
	}
	return symbol.Addr, nil
}

// checkVersion reads 26 from "go1.26.8 X:experiment".
func checkVersion(text string) error {
	release, _, _ := strings.Cut(text, " ")
	_, minor, _ := strings.Cut(version.Lang(release), ".")
	number, err := strconv.Atoi(minor)
	if err != nil || number < oldestMinor || number > newestMinor {
		return fmt.Errorf("built by %q: %w", text, errVersion)
	}
	return nil
}

// want is a field of runtime.g, its size in bytes, and where its offset goes.
type want struct {
	name     string
	size     uint64
	into     *uint64
	optional bool
}

func (l *Layout) resolveFields(b Binary) error {
	f := &l.fields
	wanted := []want{
		{name: "stack.lo", size: 8, into: &f.stackLow}, {name: "stack.hi", size: 8, into: &f.stackHigh},
		{name: "sched.sp", size: 8, into: &f.sp}, {name: "sched.pc", size: 8, into: &f.pc}, {name: "sched.bp", size: 8, into: &f.bp},
		{name: "atomicstatus", size: 4, into: &f.status}, {name: "goid", size: 8, into: &f.id},
		{name: "waitreason", size: 1, into: &f.reason}, {name: "trackingSeq", size: 1, into: &f.sequence},
		{name: "gopc", size: 8, into: &f.created}, {name: "startpc", size: 8, into: &f.start},
		{name: "parentGoid", size: 8, into: &f.parent},
		{name: "syscallsp", size: 8, into: &f.syscallSP}, {name: "syscallpc", size: 8, into: &f.syscallPC},
		{name: "syscallbp", size: 8, into: &f.syscallBP, optional: true},
	}
	asked := make([]goexec.Field, len(wanted))
	for i, w := range wanted {
		asked[i] = goexec.Field{Type: "runtime.g", Name: w.name}
	}
	found, missing := b.Offsets(asked)
	for i, w := range wanted {
		offset, ok := found[asked[i]]
		if !ok && w.optional {
			continue
		}
		if !ok {
			return fmt.Errorf("field %s: %w", w.name, missing)
		}
		if offset.Bytes > maxWindow-w.size {
			return fmt.Errorf("%w: %s is at byte %d of a goroutine", errMismatch, w.name, offset.Bytes)
		}
		*w.into = offset.Bytes
		l.window = max(l.window, offset.Bytes+w.size)
	}
	return nil
}
