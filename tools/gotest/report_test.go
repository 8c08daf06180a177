// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pkg = `"Package":"github.com/fathom-otel/fathom/internal/x"`

func TestReport(t *testing.T) {
	for name, test := range map[string]struct {
		events []string
		exit   error
		want   string
		ok     bool
	}{
		"a package that passes is one line": {
			events: []string{
				`{"Action":"output",` + pkg + `,"Test":"TestA","Output":"a log line\n"}`,
				`{"Action":"pass",` + pkg + `,"Test":"TestA"}`,
				`{"Action":"pass",` + pkg + `,"Elapsed":1.25}`,
			},
			want: "ok      1.2s  internal/x                                                 1 passed\n" +
				"tests: 1 passed, 0 failed, 0 skipped\n",
			ok: true,
		},
		"a failed test is printed with its output": {
			events: []string{
				`{"Action":"output",` + pkg + `,"Test":"TestA","Output":"x.go:7: is 2, want 1\n"}`,
				`{"Action":"fail",` + pkg + `,"Test":"TestA"}`,
				`{"Action":"pass",` + pkg + `,"Test":"TestB"}`,
				`{"Action":"fail",` + pkg + `,"Elapsed":2}`,
			},
			exit: errors.New("exit status 1"),
			want: "FAIL    2.0s  internal/x                                                 1 passed, 1 failed\n" +
				"      x.go:7: is 2, want 1\n" +
				"failed:  internal/x TestA\n" +
				"tests: 1 passed, 1 failed, 0 skipped\n",
		},
		"a package that does not compile fails with the compiler's words": {
			events: []string{
				`{"Action":"build-output","ImportPath":"x [x.test]","Output":"x.go:3: undefined: y\n"}`,
				`{"Action":"build-fail","ImportPath":"x [x.test]"}`,
				`{"Action":"fail",` + pkg + `,"FailedBuild":"x [x.test]"}`,
			},
			exit: errors.New("exit status 1"),
			want: "FAIL    0.0s  internal/x                                                 0 passed, 1 failed\n" +
				"      x.go:3: undefined: y\n" +
				"failed:  internal/x\n" +
				"tests: 0 passed, 1 failed, 0 skipped\n",
		},
		"a leak after the tests fails the package": {
			events: []string{
				`{"Action":"pass",` + pkg + `,"Test":"TestA"}`,
				`{"Action":"output",` + pkg + `,"Output":"goleak: found unexpected goroutines\n"}`,
				`{"Action":"fail",` + pkg + `}`,
			},
			exit: errors.New("exit status 1"),
			want: "FAIL    0.0s  internal/x                                                 1 passed, 1 failed\n" +
				"      goleak: found unexpected goroutines\n" +
				"failed:  internal/x\n" +
				"tests: 1 passed, 1 failed, 0 skipped\n",
		},
		"a skip is never silent": {
			events: []string{
				`{"Action":"output",` + pkg + `,"Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output",` + pkg + `,"Test":"TestA","Output":"    x.go:7: no arm64 here\n"}`,
				`{"Action":"skip",` + pkg + `,"Test":"TestA"}`,
				`{"Action":"pass",` + pkg + `,"Test":"TestB"}`,
				`{"Action":"pass",` + pkg + `}`,
			},
			want: "ok      0.0s  internal/x                                                 1 passed, 1 skipped\n" +
				"skipped: internal/x TestA: x.go:7: no arm64 here\n" +
				"tests: 1 passed, 0 failed, 1 skipped\n",
			ok: true,
		},
		"go test that ends in the middle fails what ran": {
			events: []string{`{"Action":"run",` + pkg + `,"Test":"TestA"}`},
			exit:   errors.New("signal: killed"),
			want:   "failed:  internal/x (did not end)\ntests: 0 passed, 1 failed, 0 skipped\n",
		},
		"go test that fails without an event fails": {
			exit: errors.New("exit status 1"),
			want: "failed:  go test: exit status 1\ntests: 0 passed, 1 failed, 0 skipped\n",
		},
		"no test at all is not a success": {
			want: "tests: 0 passed, 0 failed, 0 skipped\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			r := newReport(&out, io.Discard, regexp.MustCompile("^$"))
			for _, e := range test.events {
				r.line([]byte(e + "\n"))
			}
			if test.exit != nil {
				r.exited(test.exit)
			}
			ok := r.finish()
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			if ok != test.ok {
				t.Errorf("finish() = %v, want %v", ok, test.ok)
			}
		})
	}
}

func TestShownPackagesPrintWhilePassing(t *testing.T) {
	var out, log bytes.Buffer
	r := newReport(&out, &log, regexp.MustCompile("/internal/x$"))
	r.line([]byte(`{"Action":"output",` + pkg + `,"Test":"TestA","Output":"=== RUN   TestA\n"}` + "\n"))
	r.line([]byte(`{"Action":"output",` + pkg + `,"Test":"TestA","Output":"on_cpu 0.3 %\n"}` + "\n"))
	if got, want := out.String(), "      on_cpu 0.3 %\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	if !strings.Contains(log.String(), "=== RUN") {
		t.Errorf("the log holds %q, want every line", log.String())
	}
}

// TestRun runs go test on packages of a module of its own: one passes with the
// race detector, one fails.
func TestRun(t *testing.T) {
	t.Chdir("testdata")
	var out bytes.Buffer
	ok, err := run(t.Context(), []string{"--", "-C", "module", "-race", "./passes", "--", "-C", "module", "./fails"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		t.Error("a failed package is reported as success")
	}
	for _, want := range []string{"ok  ", "FAIL", "is 2, want 1", "failed:  example.org/module/fails TestFails", "tests: 1 passed, 1 failed, 0 skipped"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &out)
		}
	}
}

func TestGroups(t *testing.T) {
	got := groups([]string{"-race", "./a", "--", "./b"})
	if diff := cmp.Diff([][]string{{"-race", "./a"}, {"./b"}}, got); diff != "" {
		t.Error(diff)
	}
}
