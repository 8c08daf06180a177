// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"path"
)

// archive writes an initramfs: a cpio archive of the kind newc
// (Documentation/driver-api/early-userspace/buffer-format.rst). The first error
// stays, and close tells it.
type archive struct {
	to      io.Writer
	inode   int
	folders map[string]bool
	err     error
}

func newArchive(to io.Writer) *archive { return &archive{to: to, folders: map[string]bool{}} }

const (
	modeFolder = 0o040755
	modeFile   = 0o100755
)

// add puts a file into the archive, and the folders that it is in.
func (a *archive) add(name string, content []byte) {
	a.addFolder(path.Dir(name))
	a.entry(name, modeFile, content)
}

// addFile puts a file of this machine into the archive.
func (a *archive) addFile(name, from string) {
	content, err := os.ReadFile(from)
	if err != nil && a.err == nil {
		a.err = err
	}
	a.add(name, content)
}

func (a *archive) addFolder(name string) {
	if name == "." || name == "/" || a.folders[name] {
		return
	}
	a.addFolder(path.Dir(name))
	a.folders[name] = true
	a.entry(name, modeFolder, nil)
}

// entry writes a header of 110 bytes, the name and the content, both filled up
// to a multiple of four.
func (a *archive) entry(name string, mode int, content []byte) {
	if a.err != nil {
		return
	}
	a.inode++
	header := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0, name)
	for _, part := range [][]byte{[]byte(header), content} {
		if _, a.err = a.to.Write(append(part, make([]byte, -len(part)&3)...)); a.err != nil {
			return
		}
	}
}

func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, nil)
	return a.err
}
