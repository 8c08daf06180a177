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
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

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
	for _, match := range nameRow().FindAllStringSubmatch(read(t, "docs/telemetry.md"), -1) {
		got = append(got, match[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names in the code (-) and on docs/telemetry.md (+):\n%s", diff)
	}
}

// nameRow matches the rows of names, and what comes after the name: each has a dot,
// what the legend explains has none.
func nameRow() *regexp.Regexp {
	return regexp.MustCompile("(?m)^\\| `([a-z0-9_]+\\.[a-z0-9_.]+)` \\|(.*)\\|$")
}

// needs are the last cells of the page's rows, by the name in the first. Some
// attributes and metrics have one name.
func needs(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, match := range nameRow().FindAllStringSubmatch(read(t, "docs/telemetry.md"), -1) {
		cells := strings.Split(match[2], "|")
		found[match[1]] = append(found[match[1]], strings.TrimSpace(cells[len(cells)-1]))
	}
	return found
}

// TestTelemetryPageSaysWhatEachNameNeeds asks for a tier in each row, one that the
// page explains, and for that which the code of a metric has.
func TestTelemetryPageSaysWhatEachNameNeeds(t *testing.T) {
	page := read(t, "docs/telemetry.md")
	_, legend, _ := strings.Cut(page, "## What each needs")
	legend, _, _ = strings.Cut(legend, "\n## ")
	tiers := map[string]bool{}
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|").FindAllStringSubmatch(legend, -1) {
		tiers[match[1]] = true
	}
	require.Len(t, tiers, 6)
	cell := regexp.MustCompile("^`([a-z]+)`(, Go 1\\.2[1-7] (on|to 1\\.2[1-7])( over HTTP/2)?)?$")
	rows := needs(t)
	used := map[string]bool{}
	for name, cells := range rows {
		for _, text := range cells {
			match := cell.FindStringSubmatch(text)
			require.NotNil(t, match, "%s needs %q", name, text)
			require.Contains(t, tiers, match[1], name)
			used[match[1]] = true
		}
	}
	require.Equal(t, tiers, used, "each tier that is explained is used")

	const internal = "receiver/ebpfreceiver/internal/"
	for file, tier := range map[string]string{
		"goruntime/definition.go": "`memory`", "goruntime/detaileddefinition.go": "`memory`", "traffic/definition.go": "`tracepoints`",
		"tally/metrics.go": "`tracepoints`", "vitals/metrics.go": "`kernel`",
	} {
		for _, name := range metricNames(t, internal+file) {
			last := rows[name][len(rows[name])-1] // metrics come after attributes
			require.True(t, strings.HasPrefix(last, tier), "%s needs %s, which is not %s", name, last, tier)
		}
	}
	// Dumps of goroutines are refused of versions that are not known.
	known := regexp.MustCompile(`oldestMinor, newestMinor = (\d+), (\d+)`).FindStringSubmatch(read(t, internal+"goroutines/layout.go"))
	require.NotNil(t, known)
	want := "`memory`"
	if known[1] != "21" || known[2] != "27" {
		want += ", Go 1." + known[1] + " to 1." + known[2]
	}
	require.Equal(t, []string{want}, rows["fathom.go.goroutine.leak"])
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
