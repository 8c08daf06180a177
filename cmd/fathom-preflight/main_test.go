// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
	"github.com/fathom-otel/fathom/internal/preflight"
)

func TestReportSaysWhatToDo(t *testing.T) {
	var out bytes.Buffer
	ok := report(&out, "make run", []preflight.Finding{
		{Name: "Go", Detail: "go1.26.8"},
		{Name: "libchdb", Detail: "npm is not on PATH", Remedy: "apt-get install npm"},
	}, true)
	if ok {
		t.Error("a missing thing is reported as none missing")
	}
	want := "missing  libchdb       npm is not on PATH\n" +
		"                       → apt-get install npm\n" +
		"make run cannot start: 1 of 2 things that it needs are missing (see above)\n"
	if out.String() != want {
		t.Errorf("report is\n%swant\n%s", out.String(), want)
	}
}

func TestUnknownWorkIsRefused(t *testing.T) {
	for _, args := range [][]string{nil, {"fly"}, {"run", "test"}} {
		if _, err := run(args, io.Discard); err == nil || !strings.Contains(err.Error(), "run or test") {
			t.Errorf("run(%q) gives %v, want an error that names the choices", args, err)
		}
	}
}

// TestSpaceIsAskedWhereTheLibraryGoes moves the cache, and takes the user's
// away.
func TestSpaceIsAskedWhereTheLibraryGoes(t *testing.T) {
	home := t.TempDir()
	own := filepath.Join(t.TempDir(), "cache")
	for _, c := range []struct {
		name, fathomCache, home string
		want                    []string
	}{
		{"the user's cache", "", home, []string{".", filepath.Join(home, ".cache", "fathom")}},
		{"another cache", own, home, []string{".", own, filepath.Join(home, ".cache")}},
		{"no home", own, "", []string{".", own}},
	} {
		t.Setenv(chdblibrary.CacheVariable, c.fathomCache)
		t.Setenv("XDG_CACHE_HOME", "")
		t.Setenv("HOME", c.home)
		if got, err := written(); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: written() = %q, %v, want %q", c.name, got, err, c.want)
		}
	}
	t.Setenv(chdblibrary.CacheVariable, "")
	if _, err := written(); err == nil || !strings.Contains(err.Error(), "set FATHOM_CACHE") {
		t.Errorf("without any cache: %v, want an error that names FATHOM_CACHE", err)
	}
}
