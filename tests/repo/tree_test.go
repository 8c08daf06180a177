// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const maxLines = 400

// root is the repository's top, from this package's folder, which is where
// `go test` runs it.
const root = "../.."

// generated is Go's convention (https://go.dev/s/generatedcode).
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// file is a file that someone wrote: path relative to the root.
type file struct {
	path string
	text []byte
}

func (f file) isScript() bool { return bytes.HasPrefix(f.text, []byte("#!")) }

// written are the files of the repository that are neither built, fetched nor generated.
func written(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if entry.IsDir() {
			if slices.Contains([]string{".git", ".run", "bin", "data"}, name) || entry.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || isBinary(name) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !generated.Match(text) {
			files = append(files, file{name, text})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d files found below %s: is this the repository?", len(files), root)
	}
	return files
}

func isBinary(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".o" || ext == ".so" || ext == ".test" || ext == ".png" || ext == ".sum"
}

func TestNoFileIsTooLongToRead(t *testing.T) {
	for _, f := range written(t) {
		base := filepath.Base(f.path)
		// offsets.json is generated, too: JSON has no comment to say so.
		if strings.HasPrefix(base, "vmlinux") || base == "offsets.json" || f.path == "LICENSE" {
			continue
		}
		if lines := bytes.Count(f.text, []byte("\n")); lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: split it by idea", f.path, lines, maxLines)
		}
	}
}

func TestEverySourceNamesItsLicense(t *testing.T) {
	for _, f := range written(t) {
		head := f.text[:min(len(f.text), 300)]
		switch ext := filepath.Ext(f.path); {
		case ext == ".go" || f.isScript() || f.path == "Makefile":
			if !bytes.Contains(head, []byte("Copyright The Fathom Authors")) ||
				!bytes.Contains(head, []byte("SPDX-License-Identifier: Apache-2.0")) {
				t.Errorf("%s lacks the two lines of its header (copyright, SPDX)", f.path)
			}
		case ext == ".c" || ext == ".h":
			if !bytes.Contains(head, []byte("SPDX-License-Identifier: ")) {
				t.Errorf("%s lacks its SPDX line", f.path)
			}
		}
	}
}

// TestEveryPackageSaysWhatItIs wants a package comment in one file of each folder.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	comment := regexp.MustCompile(`(?m)^(//.*|\*/|.*\*/)\npackage \w+`)
	documented := map[string]bool{}
	for _, f := range written(t) {
		if filepath.Ext(f.path) != ".go" || strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		dir := filepath.Dir(f.path)
		documented[dir] = documented[dir] || comment.Match(f.text)
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("no file of package %s has a package comment", dir)
		}
	}
}

// TestEveryLinkOfAPageLeadsSomewhere follows the relative links of every page.
func TestEveryLinkOfAPageLeadsSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)
	for _, f := range written(t) {
		if filepath.Ext(f.path) != ".md" {
			continue
		}
		for _, match := range link.FindAllSubmatch(f.text, -1) {
			target := string(match[1])
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(f.path), target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", f.path, target)
			}
		}
	}
}
