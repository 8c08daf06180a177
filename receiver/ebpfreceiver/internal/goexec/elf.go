// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
)

// The bounds on what is read from one file. A Go linker stays far below them:
// the largest known executables (500 MB) have under 100 sections and 60 MB of symbol names.
const (
	maxSections     = 4096
	maxStringTable  = 256 << 20
	maxFunctionSize = 16 << 20
)

// image is an ELF file seen as the memory that it becomes, before relocation of
// its base: reads by address, with the relative relocations applied.
type image struct {
	reader io.ReaderAt
	size   int64
	file   *elf.File
}

func newImage(r io.ReaderAt, size int64) (*image, error) {
	header := make([]byte, 64)
	n, err := r.ReadAt(header, 0)
	if n < len(elf.ELFMAG) || !bytes.HasPrefix(header, []byte(elf.ELFMAG)) {
		return nil, ErrNotELF
	}
	if n < len(header) {
		return nil, fmt.Errorf("%w: %d bytes: %v", ErrTruncated, n, err)
	}
	if err := checkHeader(header); err != nil {
		return nil, err
	}
	file, err := parseELF(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrTruncated, err)
	}
	img := &image{reader: r, size: size, file: file}
	if err := img.checkSegments(); err != nil {
		return nil, err
	}
	return img, nil
}

// checkHeader refuses, before anything is allocated, what this package cannot
// analyse or no linker produces. Layout: elf(5), Elf64_Ehdr.
func checkHeader(header []byte) error {
	if elf.Class(header[elf.EI_CLASS]) != elf.ELFCLASS64 || elf.Data(header[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return fmt.Errorf("%w: not 64-bit little-endian", ErrUnsupported)
	}
	machine := elf.Machine(binary.LittleEndian.Uint16(header[18:]))
	if machine != elf.EM_X86_64 && machine != elf.EM_AARCH64 {
		return fmt.Errorf("%w: architecture %v", ErrUnsupported, machine)
	}
	kind := elf.Type(binary.LittleEndian.Uint16(header[16:]))
	if kind != elf.ET_EXEC && kind != elf.ET_DYN {
		return fmt.Errorf("%w: ELF type %v", ErrUnsupported, kind)
	}
	sectionTable, sections := binary.LittleEndian.Uint64(header[40:]), binary.LittleEndian.Uint16(header[60:])
	if sections > maxSections || sections == 0 && sectionTable != 0 {
		return fmt.Errorf("%w: %d section headers", ErrUnsupported, sections)
	}
	if segments := binary.LittleEndian.Uint16(header[56:]); segments > maxSections {
		return fmt.Errorf("%w: %d program headers", ErrUnsupported, segments)
	}
	return nil
}

// parseELF shields the caller from panics: debug/elf does not promise to
// survive every malformed file.
func parseELF(r io.ReaderAt) (file *elf.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("ELF headers: %v", p)
		}
	}()
	return elf.NewFile(r)
}

func (img *image) checkSegments() error {
	for _, p := range img.file.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		if p.Off > uint64(img.size) || p.Filesz > uint64(img.size)-p.Off {
			return fmt.Errorf("%w: segment at %#x ends after the file's %d bytes", ErrTruncated, p.Off, img.size)
		}
		if p.Filesz > p.Memsz || p.Vaddr+p.Memsz < p.Vaddr {
			return fmt.Errorf("%w: segment at %#x has impossible sizes", ErrTruncated, p.Off)
		}
	}
	return nil
}

// section finds a section whose content stands in the file as it is.
func (img *image) section(names ...string) *elf.Section {
	for _, name := range names {
		if s := img.file.Section(name); s != nil && s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL && !compressed(s) {
			return s
		}
	}
	return nil
}

// compressed says whether a section can be read only through its Open method.
func compressed(s *elf.Section) bool { return s.Flags&elf.SHF_COMPRESSED != 0 }

// Constants are the addresses of the largest segment that may neither be written
// to nor executed: it holds the program's constant strings. Both are 0 where there
// is none.
func (b *Binary) Constants() (begin, end uint64) {
	for _, p := range b.image.file.Progs {
		if p.Type == elf.PT_LOAD && p.Flags == elf.PF_R && p.Memsz > end-begin {
			begin, end = p.Vaddr, p.Vaddr+p.Memsz
		}
	}
	return begin, end
}

// segment finds the loadable segment whose file content holds n bytes at addr.
func (img *image) segment(addr, n uint64) *elf.Prog {
	for _, p := range img.file.Progs {
		if p.Type == elf.PT_LOAD && addr >= p.Vaddr && addr-p.Vaddr <= p.Filesz && n <= p.Filesz-(addr-p.Vaddr) {
			return p
		}
	}
	return nil
}

// executable says whether addr lies in a segment that is mapped executable.
func (img *image) executable(addr uint64) bool {
	p := img.segment(addr, 1)
	return p != nil && p.Flags&elf.PF_X != 0
}

// offset is the file offset of addr.
func (img *image) offset(addr uint64) (uint64, error) {
	p := img.segment(addr, 1)
	if p == nil {
		return 0, fmt.Errorf("%w: address %#x is not in the file", ErrTruncated, addr)
	}
	return p.Off + (addr - p.Vaddr), nil
}

// read returns n bytes at addr as they stand in the file, unrelocated.
func (img *image) read(addr, n uint64) ([]byte, error) {
	p := img.segment(addr, n)
	if p == nil {
		return nil, fmt.Errorf("%w: %d bytes at address %#x are not in the file", ErrTruncated, n, addr)
	}
	data := make([]byte, n)
	if got, err := p.ReadAt(data, int64(addr-p.Vaddr)); got < len(data) {
		return nil, fmt.Errorf("%w: read %d bytes at address %#x: %w", ErrTruncated, n, addr, err)
	}
	return data, nil
}

// FileOffset is the offset in the file of a link-time address, what a uprobe is
// attached to.
func (b *Binary) FileOffset(addr uint64) (uint64, error) { return b.image.offset(addr) }
