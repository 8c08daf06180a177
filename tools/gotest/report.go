// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

const modulePrefix = "github.com/fathom-otel/fathom/"

// event is a line of `go test -json` (`go doc test2json`, and for builds
// `go help buildjson`).
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// report turns events into lines. It holds the output of packages that still run.
type report struct {
	out, log io.Writer
	shown    *regexp.Regexp

	running map[string]*packageRun
	builds  map[string]*strings.Builder // compiler output by import path

	passed, failed int
	skips, fails   []string
}

type packageRun struct {
	passed, failed, skipped int
	output                  map[string]*strings.Builder // by test, "" is the package's own
	order                   []string                    // failed tests, in the order of their end
}

func newReport(out, log io.Writer, shown *regexp.Regexp) *report {
	return &report{
		out: out, log: log, shown: shown,
		running: map[string]*packageRun{},
		builds:  map[string]*strings.Builder{},
	}
}

// line takes one line of `go test -json`.
func (r *report) line(raw []byte) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil || e.Action == "" {
		fmt.Fprintf(r.out, "%s", raw)
		return
	}
	if e.Output != "" {
		io.WriteString(r.log, e.Output)
	}
	switch {
	case e.Action == "build-output":
		builder(r.builds, e.ImportPath).WriteString(e.Output)
	case e.Package == "":
	case e.Action == "output":
		p := r.pkg(e.Package)
		builder(p.output, e.Test).WriteString(e.Output)
		if r.shown.MatchString(e.Package) && !isFrame(e.Output) {
			fmt.Fprint(r.out, "      ", e.Output)
		}
	case e.Test != "":
		r.test(e)
	default:
		r.packageEnd(e)
	}
}

// test takes the end of one test.
func (r *report) test(e event) {
	p := r.pkg(e.Package)
	name := short(e.Package) + " " + e.Test
	switch e.Action {
	case "pass":
		p.passed++
		delete(p.output, e.Test)
	case "skip":
		p.skipped++
		r.skips = append(r.skips, name+reason(builder(p.output, e.Test).String()))
		delete(p.output, e.Test)
	case "fail":
		p.failed++
		p.order = append(p.order, e.Test)
		r.fails = append(r.fails, name)
	}
}

// packageEnd prints the line of a package, and below it what failed.
func (r *report) packageEnd(e event) {
	if e.Action != "pass" && e.Action != "fail" && e.Action != "skip" {
		return
	}
	p := r.pkg(e.Package)
	delete(r.running, e.Package)
	if e.Action == "skip" { // no test files
		return
	}
	word := "ok  "
	if e.Action == "fail" {
		word = "FAIL"
		if p.failed == 0 { // it did not build, panicked, leaked or timed out
			p.failed = 1
			r.fails = append(r.fails, short(e.Package))
		}
	}
	r.passed += p.passed
	r.failed += p.failed
	fmt.Fprintf(r.out, "%s  %5.1fs  %-58s %s\n", word, e.Elapsed, short(e.Package), counts(p))
	if e.Action != "fail" {
		return
	}
	if b := r.builds[e.FailedBuild]; b != nil {
		r.indented(b.String())
	}
	for _, test := range p.order {
		r.indented(builder(p.output, test).String())
	}
	r.indented(builder(p.output, "").String())
}

// exited notes a `go test` that failed: if no event said why, that is a failure
// of its own (a bad pattern, a module that cannot be loaded).
func (r *report) exited(err error) {
	for name, p := range r.running { // it ended in the middle of these
		r.failed += max(p.failed, 1)
		r.passed += p.passed
		r.fails = append(r.fails, short(name)+" (did not end)")
	}
	clear(r.running)
	if len(r.fails) == 0 {
		r.failed++
		r.fails = append(r.fails, "go test: "+err.Error())
	}
}

// finish prints the closing lines and says whether all is well.
func (r *report) finish() bool {
	for _, s := range r.skips {
		fmt.Fprintln(r.out, "skipped:", s)
	}
	for _, f := range r.fails {
		fmt.Fprintln(r.out, "failed: ", f)
	}
	fmt.Fprintf(r.out, "tests: %d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skips))
	return r.failed == 0 && r.passed > 0
}

func (r *report) pkg(name string) *packageRun {
	p := r.running[name]
	if p == nil {
		p = &packageRun{output: map[string]*strings.Builder{}}
		r.running[name] = p
	}
	return p
}

func (r *report) indented(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprint(r.out, "      ", line)
	}
}

func builder(m map[string]*strings.Builder, key string) *strings.Builder {
	if m[key] == nil {
		m[key] = &strings.Builder{}
	}
	return m[key]
}

func counts(p *packageRun) string {
	s := fmt.Sprintf("%d passed", p.passed)
	if p.failed > 0 {
		s += fmt.Sprintf(", %d failed", p.failed)
	}
	if p.skipped > 0 {
		s += fmt.Sprintf(", %d skipped", p.skipped)
	}
	return s
}

// isFrame tells the test binary's own marks from what the test printed.
func isFrame(output string) bool {
	return strings.HasPrefix(output, "=== ") || output == "PASS\n" || strings.HasPrefix(output, "ok  \t")
}

// reason is the line by which a skipped test said why.
func reason(output string) string {
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			return ": " + line
		}
	}
	return ""
}

func short(pkg string) string { return strings.TrimPrefix(pkg, modulePrefix) }
