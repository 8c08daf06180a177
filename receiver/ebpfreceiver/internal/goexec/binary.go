// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// Binary is one analysed executable. Its methods may be called by one
// goroutine at a time: they fill caches as they go.
type Binary struct {
	image   *image
	closer  io.Closer
	path    string // what /proc/PID/maps calls the file; empty when unknown
	inode   uint64 // 0 when unknown
	version string
	modules map[string]string

	symbols     *symbolIndex
	symbolsErr  error
	functions   *functionIndex
	functionErr error
	types       *typeIndex
	versions    *versionTable
	described   *descriptors
}

// Open analyses the executable at path (for example /proc/123/exe). Errors wrap
// ErrNotELF, ErrNotGo, ErrTruncated or ErrUnsupported (architecture, Go version).
func Open(path string) (*Binary, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open executable: %w", err)
	}
	binary, err := openFile(file, path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("analyse %s: %w", path, err), file.Close())
	}
	return binary, nil
}

func openFile(file *os.File, path string) (*Binary, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", ErrNotELF)
	}
	binary, err := newBinary(file, info.Size())
	if err != nil {
		return nil, err
	}
	binary.closer = file
	binary.path = mappedName(path)
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		binary.inode = stat.Ino
	}
	return binary, nil
}

// mappedName resolves path to the name under which the kernel lists its mappings.
func mappedName(path string) string {
	if target, err := os.Readlink(path); err == nil {
		path = target
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// newBinary analyses size bytes of r. It is the whole analysis apart from the file system.
func newBinary(r io.ReaderAt, size int64) (*Binary, error) {
	img, err := newImage(r, size)
	if err != nil {
		return nil, err
	}
	info, err := ReadBuildInfo(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	version, err := parseVersion(info.GoVersion)
	if err != nil {
		return nil, err
	}
	if version.less(oldestVersion) {
		return nil, fmt.Errorf("%w: %s is older than %s", ErrUnsupported, info.GoVersion, oldestVersion)
	}
	return &Binary{image: img, version: info.GoVersion, modules: moduleVersions(info)}, nil
}

// maxBuildInfo bounds what is read in search of the build information: the
// first megabytes of data, and the list of modules.
const maxBuildInfo = 64 << 20

// budgetReader reads until a number of bytes is used up.
type budgetReader struct {
	reader io.ReaderAt
	left   int
}

// ReadAt implements io.ReaderAt.
func (b *budgetReader) ReadAt(p []byte, offset int64) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return b.reader.ReadAt(p, offset)
}

// ReadBuildInfo reads the build information that the linker puts into each Go
// executable and that stripping leaves there. It reads at most maxBuildInfo bytes
// and shields the caller from panics: debug/buildinfo does not promise to survive
// every malformed file. The error wraps ErrNotGo or ErrTruncated.
func ReadBuildInfo(r io.ReaderAt) (info *buildinfo.BuildInfo, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: build information: %v", ErrTruncated, p)
		}
	}()
	info, err = buildinfo.Read(&budgetReader{reader: r, left: maxBuildInfo})
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNotGo, err)
	}
	return info, nil
}

// moduleVersions maps each linked module to its version. A module that was
// replaced by another path has none: what is known of the original's layout
// does not hold for it.
func moduleVersions(info *buildinfo.BuildInfo) map[string]string {
	versions := make(map[string]string, len(info.Deps)+1)
	if info.Main.Path != "" {
		versions[info.Main.Path] = info.Main.Version
	}
	for _, dep := range info.Deps {
		switch {
		case dep.Replace == nil:
			versions[dep.Path] = dep.Version
		case dep.Replace.Path == dep.Path:
			versions[dep.Path] = dep.Replace.Version
		}
	}
	return versions
}

// Close releases the file. The binary must not be used afterwards.
func (b *Binary) Close() error {
	if b.closer == nil {
		return nil
	}
	return b.closer.Close()
}

// GoVersion is the version of the toolchain, such as "go1.26.8"; experiments
// follow after a space, as in "go1.26.8 X:nodwarf5".
func (b *Binary) GoVersion() string { return b.version }

// ModuleVersion is the version of the linked module with that path, the main
// module included; empty when it is not linked or was replaced by another path.
func (b *Binary) ModuleVersion(path string) string { return b.modules[path] }

// Machine is the architecture: EM_X86_64 or EM_AARCH64.
func (b *Binary) Machine() elf.Machine { return b.image.file.Machine }

// PIE says whether the executable is position-independent, so that its
// run-time addresses differ from its link-time ones (see LoadBias).
func (b *Binary) PIE() bool { return b.image.file.Type == elf.ET_DYN }

// Stripped says whether the symbol table is missing.
func (b *Binary) Stripped() bool { return b.image.section(".symtab") == nil }

// HasDWARF says whether type information is present.
func (b *Binary) HasDWARF() bool { return b.image.debugSection("info") != nil }
