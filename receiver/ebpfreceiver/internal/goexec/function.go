// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
)

// Function is one function of the program.
type Function struct {
	Name       string
	Addr, Size uint64 // link-time address; size in bytes, from the function table including padding
	Offset     uint64 // file offset of Addr
}

// functionIndex finds functions by name in the function table, which survives stripping.
type functionIndex struct {
	table *pclntab
	names *nameIndex
	text  uint64 // the address from which the table counts
}

// Function finds a function by its full name, such as
// "net/http.(*response).finishRequest": in the symbol table, else in the
// runtime's function table. The error wraps ErrNoFunction.
func (b *Binary) Function(name string) (Function, error) {
	function, symbolErr := b.functionBySymbol(name)
	if symbolErr == nil {
		return function, nil
	}
	function, err := b.functionByTable(name)
	if err != nil {
		return Function{}, fmt.Errorf("function %s: %w: %w; %w", name, ErrNoFunction, symbolErr, err)
	}
	return function, nil
}

func (b *Binary) functionBySymbol(name string) (Function, error) {
	symbol, err := b.lookUp(name, elf.STT_FUNC)
	if err != nil {
		return Function{}, err
	}
	return b.function(name, symbol.addr, symbol.size)
}

func (b *Binary) functionByTable(name string) (Function, error) {
	if b.functions == nil && b.functionErr == nil {
		b.functions, b.functionErr = b.indexFunctions()
	}
	if b.functionErr != nil {
		return Function{}, b.functionErr
	}
	index := b.functions
	number, err := index.table.find(index.names, name)
	if err != nil {
		return Function{}, err
	}
	start, end := index.table.entry(number), index.table.entry(number+1)
	return b.function(name, index.text+start, end-start)
}

// function checks that the code is in the file and executable.
func (b *Binary) function(name string, addr, size uint64) (Function, error) {
	offset, err := b.image.offset(addr)
	if err != nil {
		return Function{}, err
	}
	if size == 0 || size > maxFunctionSize || b.image.segment(addr, size) == nil || !b.image.executable(addr) {
		return Function{}, fmt.Errorf("%w: %d bytes of code at %#x", ErrTruncated, size, addr)
	}
	return Function{Name: name, Addr: addr, Size: size, Offset: offset}, nil
}

// indexFunctions reads the first function table that the module data agrees with.
func (b *Binary) indexFunctions() (*functionIndex, error) {
	return firstTable(b, func(place tablePlace) (*functionIndex, error) {
		table, module, err := b.openTable(place)
		if err != nil {
			return nil, err
		}
		names, err := table.index()
		if err != nil {
			return nil, err
		}
		return &functionIndex{table: table, names: names, text: module.text}, nil
	})
}

// firstTable is what read makes of the first function table that it can read.
func firstTable[T any](b *Binary, read func(tablePlace) (T, error)) (made T, err error) {
	places, err := b.image.functionTables()
	if err != nil {
		return made, err
	}
	var failures []error
	for _, place := range places {
		made, err := read(place)
		if err == nil {
			return made, nil
		}
		failures = append(failures, err)
	}
	return made, errors.Join(failures...)
}

// openTable opens a function table that the module data agrees with.
func (b *Binary) openTable(place tablePlace) (*pclntab, module, error) {
	segment := b.image.segment(place.addr, place.size)
	reader := io.NewSectionReader(segment, int64(place.addr-segment.Vaddr), int64(place.size))
	table, err := openPclntab(reader, place.size)
	if err != nil {
		return nil, module{}, err
	}
	found, err := b.findModule(table, place.addr)
	return table, found, err
}

// Code is the machine code of f as it stands in the file.
func (b *Binary) Code(f Function) ([]byte, error) {
	if f.Size > maxFunctionSize {
		return nil, fmt.Errorf("code of %s: %w: %d bytes", f.Name, ErrTruncated, f.Size)
	}
	code, err := b.image.read(f.Addr, f.Size)
	if err != nil {
		return nil, fmt.Errorf("code of %s: %w", f.Name, err)
	}
	return code, nil
}
