// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// image is what was found out about an executable: which file it is, and the
// version of Go that built it, or why it is none of Go's.
type image struct {
	key       fileKey
	goVersion string
	notGo     error
}

// maxBinaries bounds the cache; a host runs fewer different executables.
const maxBinaries = 4096

// binaries remembers executables by fileKey.
type binaries map[fileKey]image

// inspect tells whether the executable at path, which may be a link such as
// /proc/<pid>/exe, was built by Go. The error is that of reaching the file.
func (b binaries) inspect(path string) (image, error) {
	file, err := os.Open(path)
	if err != nil {
		return image{}, err
	}
	defer func() { _ = file.Close() }() // opened for reading only
	key, err := keyOf(file)
	if err != nil {
		return image{}, err
	}
	if known, ok := b[key]; ok {
		return known, nil
	}
	found := inspectFile(file)
	found.key = key
	if len(b) >= maxBinaries {
		clear(b)
	}
	b[key] = found
	return found, nil
}

// inspectFile reads the version out of a file of which nothing is known yet.
func inspectFile(file io.ReaderAt) image {
	info, err := goexec.ReadBuildInfo(file)
	if err != nil {
		return image{notGo: err}
	}
	return image{goVersion: info.GoVersion}
}

func keyOf(file *os.File) (fileKey, error) {
	info, err := file.Stat()
	if err != nil {
		return fileKey{}, err
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return fileKey{}, fmt.Errorf("%s is no regular file", file.Name())
	}
	return fileKey{device: status.Dev, inode: status.Ino, size: status.Size, modified: status.Mtim.Nano()}, nil
}
