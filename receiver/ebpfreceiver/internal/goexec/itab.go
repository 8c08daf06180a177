// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// itabRule says how the table that makes a type an interface of one method is
// found: through the functions that convert the one to the other, by the method
// that the table must name.
type itabRule struct {
	method    string
	functions []string // those that are linked; inlining decides which convert
}

// itabRules are the tables that are found without a symbol table. The functions
// convert to no other interface than error.
var itabRules = map[string]itabRule{
	"go:itab.*google.golang.org/grpc/internal/status.Error,error": {
		method: "google.golang.org/grpc/internal/status.(*Error).Error",
		functions: []string{
			"google.golang.org/grpc/internal/status.(*Status).Err", "google.golang.org/grpc/internal/status.Err",
			"google.golang.org/grpc/internal/status.Errorf", "google.golang.org/grpc/status.Error",
			"google.golang.org/grpc/status.Errorf", "google.golang.org/grpc.toRPCErr",
		},
	},
}

// The layout of abi.ITab: the interface, the type, the hash of the type, then the
// methods (internal/abi/iface.go, before Go 1.22 src/runtime/runtime2.go); and of
// abi.InterfaceType, where the methods are counted (internal/abi/type.go).
const (
	itabHash         = 16
	itabMethod       = 24
	itabSize         = 32 // with one method
	interfaceMethods = 48 + 8 + 8
)

// searchItab finds the table without a symbol table: it is what the functions of
// the rule take the address of, whose method is the rule's, of an interface that
// has no other.
func (b *Binary) searchItab(name string, rule itabRule) (Symbol, error) {
	if b.Machine() != elf.EM_X86_64 {
		return Symbol{}, fmt.Errorf("%w: code of %v is not searched", ErrUnsupported, b.Machine())
	}
	method, err := b.Function(rule.method)
	if err != nil {
		return Symbol{}, err
	}
	candidates, err := b.itabCandidates(rule)
	if err != nil {
		return Symbol{}, err
	}
	if err := b.image.relocateItabs(candidates); err != nil {
		return Symbol{}, err
	}
	var found []uint64
	for addr, table := range candidates {
		if binary.LittleEndian.Uint64(table[itabMethod:]) == method.Addr && b.hasOneMethod(binary.LittleEndian.Uint64(table)) {
			found = append(found, addr)
		}
	}
	if len(found) != 1 {
		return Symbol{}, fmt.Errorf("%d tables of methods have %s", len(found), rule.method)
	}
	return Symbol{Name: name, Addr: found[0], Size: itabSize}, nil
}

// itabCandidates are the bytes at the places that the functions take the address
// of, and only that.
func (b *Binary) itabCandidates(rule itabRule) (map[uint64][]byte, error) {
	candidates := make(map[uint64][]byte)
	var failures []error
	for _, function := range rule.functions {
		references, err := b.references(function)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		for target, access := range accessesOf(references) {
			if len(access.sizes) > 0 || access.exchanged || target%8 != 0 || b.image.executable(target) {
				continue
			}
			if table, err := b.image.read(target, itabSize); err == nil && binary.LittleEndian.Uint32(table[itabHash:]) != 0 {
				candidates[target] = table
			}
		}
	}
	if len(candidates) == 0 {
		return nil, fmt.Errorf("no function converts: %w", errors.Join(failures...))
	}
	return candidates, nil
}

// relocateItabs makes link-time addresses of the pointers that are looked at.
func (img *image) relocateItabs(tables map[uint64][]byte) error {
	if img.file.Type != elf.ET_DYN {
		return nil
	}
	return img.relativeRelocations(func(at, value uint64) {
		for _, offset := range []uint64{0, itabMethod} {
			if table, ok := tables[at-offset]; ok {
				binary.LittleEndian.PutUint64(table[offset:], value)
			}
		}
	})
}

// hasOneMethod says whether the descriptor of an interface at addr has one method.
func (b *Binary) hasOneMethod(addr uint64) bool {
	kind, err := b.image.read(addr+descriptorKind, 1)
	if err != nil || kind[0]&kindMask != kindInterface {
		return false
	}
	methods, err := b.image.read(addr+interfaceMethods, 8)
	return err == nil && binary.LittleEndian.Uint64(methods) == 1
}
