// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

const ours = "github.com/fathom-otel/fathom"

// manifest is what builder-config.yaml says, as far as it is compared here.
type manifest struct {
	Dist struct {
		Version string
	}
	Receivers, Processors, Exporters, Extensions, Connectors, Providers []module
}

type module struct {
	GoMod, Import, Path string
}

// importPath is where the component's package is.
func (m module) importPath() string {
	if m.Import != "" {
		return m.Import
	}
	path, _, _ := strings.Cut(m.GoMod, " ")
	return path
}

func (m manifest) components() map[string][]module {
	return map[string][]module{
		"receiver": m.Receivers, "processor": m.Processors, "exporter": m.Exporters,
		"extension": m.Extensions, "connector": m.Connectors,
	}
}

func readManifest(t *testing.T) manifest {
	t.Helper()
	var m manifest
	if err := yaml.Unmarshal([]byte(read(t, "builder-config.yaml")), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// componentRow is a row of README.md's table of components:
// | `type` | kind | [link](target) | words |.
type componentRow struct{ kind, name, target string }

func readmeRows(t *testing.T) []componentRow {
	t.Helper()
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| \\[[^]]+\\]\\(([^)]+)\\) \\|")
	var rows []componentRow
	for _, match := range row.FindAllStringSubmatch(read(t, "README.md"), -1) {
		rows = append(rows, componentRow{kind: match[2], name: match[1], target: match[3]})
	}
	return rows
}

func TestReadmeListsTheComponentsOfTheManifest(t *testing.T) {
	var want, got []string
	for kind, modules := range readManifest(t).components() {
		for _, m := range modules {
			target := "https://pkg.go.dev/" + m.importPath()
			if folder, found := strings.CutPrefix(m.importPath(), ours+"/"); found {
				target = folder + "/README.md"
			}
			want = append(want, kind+" "+target)
		}
	}
	for _, row := range readmeRows(t) {
		got = append(got, row.kind+" "+row.target)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components of builder-config.yaml (-) and of README.md's table (+):\n%s", diff)
	}
}

// TestTheDistributionIsBuiltFromTheManifest compares go.mod and components.go,
// which are committed, with the manifest, without generating them.
func TestTheDistributionIsBuiltFromTheManifest(t *testing.T) {
	m := readManifest(t)
	mod := read(t, "distributions/fathom/go.mod")
	components := read(t, "distributions/fathom/components.go")
	for kind, modules := range m.components() {
		for _, module := range modules {
			if !strings.Contains(mod, "\t"+module.GoMod+"\n") {
				t.Errorf("go.mod does not require %s as builder-config.yaml says: run make generate", module.GoMod)
			}
			if !strings.Contains(components, fmt.Sprintf(" %q\n", module.importPath())) {
				t.Errorf("components.go lacks the %s %s: run make generate", kind, module.importPath())
			}
		}
	}
	if want := fmt.Sprintf("Version:     %q", m.Dist.Version); !strings.Contains(read(t, "distributions/fathom/main.go"), want) {
		t.Errorf("main.go is not of version %s: run make generate", m.Dist.Version)
	}
}

// TestBothModulesUseOneCollector compares the Collector's modules in the two
// go.mod files: what a component is tested with is what the agent runs it with.
func TestBothModulesUseOneCollector(t *testing.T) {
	require := regexp.MustCompile(`(?m)^\t(go\.opentelemetry\.io/collector/\S+) (v\S+)`)
	agent := map[string]string{}
	for _, match := range require.FindAllStringSubmatch(read(t, "distributions/fathom/go.mod"), -1) {
		agent[match[1]] = match[2]
	}
	shared := 0
	for _, match := range require.FindAllStringSubmatch(read(t, "go.mod"), -1) {
		if version, both := agent[match[1]]; both {
			shared++
			if version != match[2] {
				t.Errorf("%s is %s in go.mod and %s in the agent's go.mod", match[1], match[2], version)
			}
		}
	}
	if shared == 0 {
		t.Error("the two go.mod files share no module of the Collector")
	}
}
