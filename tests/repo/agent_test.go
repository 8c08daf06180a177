// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// TestAgent builds the agent as `make build` does and asks it about itself.
func TestAgent(t *testing.T) {
	agent := filepath.Join(t.TempDir(), "fathom")
	build := exec.Command("go", "build", "-C", filepath.Join(root, "distributions/fathom"), "-ldflags", "-s -w", "-o", agent, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the agent: %v\n%s", err, out)
	}
	t.Run("is one static file", func(t *testing.T) { testStatic(t, agent) })
	t.Run("has the version of the manifest", func(t *testing.T) { testVersion(t, agent) })
	t.Run("has the components of README", func(t *testing.T) { testComponents(t, agent) })
	t.Run("accepts every configuration", func(t *testing.T) { testConfigurations(t, agent) })
}

func testStatic(t *testing.T, agent string) {
	file, err := elf.Open(agent)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			t.Error("the agent asks for a dynamic loader: it does not run FROM scratch")
		}
	}
}

func testVersion(t *testing.T, agent string) {
	out, err := exec.Command(agent, "--version").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "fathom version " + readManifest(t).Dist.Version + "\n"; string(out) != want {
		t.Errorf("--version says %q, want %q", out, want)
	}
}

func testComponents(t *testing.T, agent string) {
	out, err := exec.Command(agent, "components").Output()
	if err != nil {
		t.Fatal(err)
	}
	type component struct{ Name string }
	var built struct{ Receivers, Processors, Exporters, Extensions, Connectors []component }
	if err := yaml.Unmarshal(out, &built); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for kind, components := range map[string][]component{
		"receiver": built.Receivers, "processor": built.Processors, "exporter": built.Exporters,
		"extension": built.Extensions, "connector": built.Connectors,
	} {
		for _, c := range components {
			want = append(want, kind+" "+c.Name)
		}
	}
	for _, row := range readmeRows(t) {
		got = append(got, row.kind+" "+row.name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components of the agent (-) and of README.md's table (+):\n%s", diff)
	}
}

// testConfigurations validates the distribution's configuration and every whole
// configuration that a page shows; each of our components' pages must show one.
func testConfigurations(t *testing.T, agent string) {
	configs := map[string]string{"distributions/fathom/config.yaml": read(t, "distributions/fathom/config.yaml")}
	for _, f := range written(t) {
		if filepath.Ext(f.path) != ".md" {
			continue
		}
		for i, text := range wholeConfigurations(f.text) {
			configs[fmt.Sprintf("%s#%d", f.path, i+1)] = text
		}
	}
	for _, row := range readmeRows(t) {
		if page := row.target + "#1"; !strings.Contains(page, "://") && configs[page] == "" {
			t.Errorf("%s shows no whole configuration (a yaml block with service:) that a reader could run", row.target)
		}
	}
	for name, text := range configs {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(agent, "validate", "--config", path).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// wholeConfigurations are a page's yaml blocks that have a service.
func wholeConfigurations(page []byte) []string {
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	var whole []string
	for _, match := range block.FindAllSubmatch(page, -1) {
		if text := string(match[1]); strings.Contains(text, "\nservice:") {
			whole = append(whole, text)
		}
	}
	return whole
}
