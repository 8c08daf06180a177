// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// relaSize is the size of an Elf64_Rela: r_offset, r_info, r_addend (elf(5)).
const relaSize = 24

// readRelocated returns n bytes at addr with the pointers in them as link-time
// addresses. In a position-independent executable they stand in the relative
// relocations only; the bytes in the file may be zero.
func (img *image) readRelocated(addr, n uint64) ([]byte, error) {
	data, err := img.read(addr, n)
	if err != nil || img.file.Type != elf.ET_DYN {
		return data, err
	}
	err = img.relativeRelocations(func(at, value uint64) {
		if at >= addr && n >= 8 && at-addr <= n-8 {
			binary.LittleEndian.PutUint64(data[at-addr:], value)
		}
	})
	return data, err
}

// relativeRelocations calls each with the address and the value of every
// "base + addend" relocation.
func (img *image) relativeRelocations(each func(at, value uint64)) error {
	relative := uint32(elf.R_X86_64_RELATIVE)
	if img.file.Machine == elf.EM_AARCH64 {
		relative = uint32(elf.R_AARCH64_RELATIVE)
	}
	left := uint64(img.size) // sections that overlap would make this endless
	for _, s := range img.file.Sections {
		if s.Type != elf.SHT_RELA || s.Flags&elf.SHF_ALLOC == 0 || compressed(s) {
			continue
		}
		if s.FileSize > left {
			return fmt.Errorf("%w: relocations %s of %d bytes", ErrTruncated, s.Name, s.FileSize)
		}
		left -= s.FileSize
		err := stream(s, relaSize, func(entry []byte) error {
			if uint32(binary.LittleEndian.Uint64(entry[8:])) == relative {
				each(binary.LittleEndian.Uint64(entry), binary.LittleEndian.Uint64(entry[16:]))
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read relocations %s: %w", s.Name, err)
		}
	}
	return nil
}

// stream calls each for every whole entry of a section, through a small buffer,
// until the first error.
func stream(s *elf.Section, entrySize int, each func(entry []byte) error) error {
	buffer := make([]byte, 2048*entrySize)
	reader := io.NewSectionReader(s, 0, int64(min(s.FileSize, 1<<62)))
	for {
		n, err := io.ReadFull(reader, buffer)
		for at := 0; at+entrySize <= n; at += entrySize {
			if err := each(buffer[at : at+entrySize]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
