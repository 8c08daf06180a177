// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package allocations

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
	// GoVersion that built the binary, such as go1.26.8.
	GoVersion() string
}

const (
	// oldestMinor and newestMinor are the releases whose runtime/mprof.go was
	// compared with what is read here.
	oldestMinor, newestMinor = 21, 27

	wordSize  = 8
	maxStruct = 1 << 10 // of a bucket and of its record, which take 48 and 128 bytes at most
)

var errMismatch = errors.New("symbol table and type information contradict each other")

// Layout says where a binary keeps its heap profile.
type Layout struct {
	buckets uint64 // link-time address of runtime.mbuckets, the first of a list
	rate    uint64 // that of runtime.MemProfileRate

	// Of runtime.bucket, after which the stack follows, and then the record.
	bucketSize, allNext, size, frames uint64
	// Of runtime.memRecord: what the runtime has published.
	allocs, frees, recordEnd uint64
}

// Resolve finds out where a binary keeps its heap profile. What is not proven
// makes it fail.
func Resolve(b Binary) (*Layout, error) {
	if err := checkVersion(b.GoVersion()); err != nil {
		return nil, err
	}
	l := &Layout{}
	for name, into := range map[string]*uint64{"runtime.mbuckets": &l.buckets, "runtime.MemProfileRate": &l.rate} {
		symbol, err := b.Symbol(name)
		if err != nil {
			return nil, err
		}
		if symbol.Size != wordSize {
			return nil, fmt.Errorf("%w: %s has %d bytes", errMismatch, name, symbol.Size)
		}
		*into = symbol.Addr
	}
	var err error
	if l.bucketSize, err = b.TypeSize("runtime.bucket"); err != nil {
		return nil, err
	}
	if err := l.resolveFields(b); err != nil {
		return nil, err
	}
	l.recordEnd = max(l.allocs, l.frees) + wordSize
	if end := max(l.allNext, l.size, l.frames) + wordSize; l.bucketSize%wordSize != 0 || end > l.bucketSize || l.bucketSize > maxStruct || l.recordEnd > maxStruct {
		return nil, fmt.Errorf("%w: a bucket has %d bytes and a field up to byte %d", errMismatch, l.bucketSize, end)
	}
	return l, nil
}

func (l *Layout) resolveFields(b Binary) error {
	wanted := map[goexec.Field]*uint64{
		{Type: "runtime.bucket", Name: "allnext"}:          &l.allNext,
		{Type: "runtime.bucket", Name: "size"}:             &l.size,
		{Type: "runtime.bucket", Name: "nstk"}:             &l.frames,
		{Type: "runtime.memRecord", Name: "active.allocs"}: &l.allocs,
		{Type: "runtime.memRecord", Name: "active.frees"}:  &l.frees,
	}
	asked := make([]goexec.Field, 0, len(wanted))
	for field := range wanted {
		asked = append(asked, field)
	}
	found, missing := b.Offsets(asked)
	for field, into := range wanted {
		offset, ok := found[field]
		if !ok {
			return missing
		}
		*into = offset.Bytes
	}
	return nil
}

// checkVersion reads 26 from "go1.26.8 X:experiment".
func checkVersion(text string) error {
	release, _, _ := strings.Cut(text, " ")
	_, minor, _ := strings.Cut(version.Lang(release), ".")
	number, err := strconv.Atoi(minor)
	if err != nil || number < oldestMinor || number > newestMinor {
		return fmt.Errorf("built by %q: heap profiles are known from go1.%d to go1.%d", text, oldestMinor, newestMinor)
	}
	return nil
}
