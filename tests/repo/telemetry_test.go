// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// TestTelemetryPageListsWhatTheCodeEmits compares the first columns of
// docs/telemetry.md's tables with the names in the code.
func TestTelemetryPageListsWhatTheCodeEmits(t *testing.T) {
	want := []string{ledger.AttributeDominant, ledger.AttributeSource}
	for cause := range ledger.Cause(ledger.NumCauses) {
		want = append(want, cause.Attribute())
	}
	for _, file := range []string{"events.go", "requests.go", "resource.go", "profiles.go", "allocations.go"} {
		want = append(want, constants(t, "internal/events/"+file)...)
	}
	for _, file := range []string{"definition.go", "detaileddefinition.go"} {
		want = append(want, metricNames(t, "receiver/ebpfreceiver/internal/goruntime/"+file)...)
	}
	want = append(want, metricNames(t, "receiver/ebpfreceiver/internal/traffic/definition.go")...)
	want = append(want, metricNames(t, "receiver/ebpfreceiver/internal/vitals/metrics.go")...)
	want = append(want, metricNames(t, "receiver/ebpfreceiver/internal/tally/metrics.go")...)

	var got []string
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\|")
	for _, match := range row.FindAllStringSubmatch(read(t, "docs/telemetry.md"), -1) {
		got = append(got, match[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names in the code (-) and on docs/telemetry.md (+):\n%s", diff)
	}
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// constants are the values of a file's string constants.
func constants(t *testing.T, path string) []string {
	t.Helper()
	var values []string
	for _, decl := range parse(t, path).Decls {
		if gen, ok := decl.(*ast.GenDecl); !ok || gen.Tok != token.CONST {
			continue
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			if text, ok := stringOf(n); ok {
				values = append(values, text)
			}
			return true
		})
	}
	return values
}

// metricNames are the values of the Name fields in a file's composite literals.
func metricNames(t *testing.T, path string) []string {
	t.Helper()
	var names []string
	ast.Inspect(parse(t, path), func(n ast.Node) bool {
		field, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := field.Key.(*ast.Ident); !ok || key.Name != "Name" {
			return true
		}
		if text, ok := stringOf(field.Value); ok {
			names = append(names, text)
		}
		return true
	})
	return names
}

func stringOf(n ast.Node) (string, bool) {
	literal, ok := n.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}
