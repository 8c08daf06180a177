// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"errors"
	"fmt"
)

// errUnknownVariable: there is no rule by which this variable is found.
var errUnknownVariable = errors.New("not a variable that is searched for")

// searchVariable finds a variable without a symbol table. The function table,
// which survives stripping, says where the functions are that use it; they refer
// to the variable, and to its fields at the offsets that are known of its type.
// It is where all of them agree, and nowhere if that is not one place only.
func (b *Binary) searchVariable(name string) (Symbol, error) {
	if name == classesBefore125 || name == classesSince125 {
		return b.searchClasses(name)
	}
	if rule, ok := itabRules[name]; ok {
		return b.searchItab(name, rule)
	}
	rule, ok := variableRules[name]
	if !ok {
		rule, ok = libraryRules[name]
	}
	if !ok {
		return Symbol{}, errUnknownVariable
	}
	if b.Machine() != elf.EM_X86_64 {
		return Symbol{}, fmt.Errorf("%w: code of %v is not searched", ErrUnsupported, b.Machine())
	}
	size, err := b.variableSize(rule)
	if err != nil {
		return Symbol{}, err
	}
	witnesses, err := b.witnesses(rule)
	if err != nil {
		return Symbol{}, err
	}
	var places []uint64
	for _, place := range locate(witnesses) {
		if b.image.writable(place, size) {
			places = append(places, place)
		}
	}
	if len(places) != 1 {
		return Symbol{}, fmt.Errorf("the code of %d functions agrees on %d places", len(witnesses), len(places))
	}
	return Symbol{Name: name, Addr: places[0], Size: size}, nil
}

func (b *Binary) variableSize(rule variableRule) (uint64, error) {
	if rule.typeName == "" {
		return rule.size, nil
	}
	return b.TypeSize(rule.typeName)
}

// minWitnesses is how many functions must agree on a place.
const minWitnesses = 2

// maxWitness bounds the code of one, in bytes; the largest, gcMarkTermination,
// takes less than 8 KiB.
const maxWitness = 128 << 10

// witnesses reads the functions of a rule. One that is not linked, or whose
// fields this version has not, is left out as long as enough others are there.
func (b *Binary) witnesses(rule variableRule) ([]witness, error) {
	var found []witness
	var failures []error
	for _, a := range rule.anchors {
		w, err := b.witness(rule, a)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		found = append(found, w)
	}
	if len(found) < minWitnesses {
		return nil, fmt.Errorf("%d functions tell of it: %w", len(found), errors.Join(failures...))
	}
	return found, nil
}

func (b *Binary) witness(rule variableRule, a anchor) (witness, error) {
	w := witness{}
	for _, u := range a.uses {
		offset := uint64(0)
		if u.field != "" {
			found, err := b.fieldOffset(Field{rule.typeName, u.field})
			if err != nil {
				return witness{}, err
			}
			offset = found.Bytes
		}
		w.claims = append(w.claims, claim{offset: offset + u.offset, how: u.how})
	}
	references, err := b.references(a.function)
	if err != nil {
		return witness{}, err
	}
	w.seen = accessesOf(references)
	return w, nil
}

// references are those of one function.
func (b *Binary) references(function string) ([]reference, error) {
	f, err := b.Function(function)
	if err != nil {
		return nil, err
	}
	if f.Size > maxWitness {
		return nil, fmt.Errorf("%w: %s of %d bytes", ErrUnsupported, f.Name, f.Size)
	}
	code, err := b.Code(f)
	if err != nil {
		return nil, err
	}
	return referencesAMD64(code, f.Addr), nil
}

// writable says whether a variable of size bytes can stand at addr.
func (img *image) writable(addr, size uint64) bool {
	if size == 0 || addr%min(size, 8) != 0 {
		return false
	}
	for _, p := range img.file.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_W != 0 && addr >= p.Vaddr && addr-p.Vaddr <= p.Memsz && size <= p.Memsz-(addr-p.Vaddr) {
			return true
		}
	}
	return false
}
