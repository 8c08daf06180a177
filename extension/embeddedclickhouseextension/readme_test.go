// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package embeddedclickhouseextension

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"gopkg.in/yaml.v3"
)

// section is README.md from a heading to the next of its level.
func section(t *testing.T, heading string) string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(readme), heading+"\n")
	require.True(t, found, heading)
	level, _, _ := strings.Cut(heading, " ")
	body, _, _ := strings.Cut(after, "\n"+level+" ")
	return body
}

// TestReadmeKeys compares the table of keys with the Config struct: each key
// once, with its default.
func TestReadmeKeys(t *testing.T) {
	documented := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|([^|]*)\\|")
	for _, match := range row.FindAllStringSubmatch(section(t, "## Keys"), -1) {
		documented[match[1]] = strings.Trim(match[2], "` ")
	}
	want := map[string]string{}
	flatten(reflect.ValueOf(createDefaultConfig()).Elem(), "", want)
	assert.Equal(t, want, documented)
}

// flatten prints the value of each key of a struct.
func flatten(v reflect.Value, prefix string, into map[string]string) {
	for i := range v.NumField() {
		name := prefix + v.Type().Field(i).Tag.Get("mapstructure")
		if v.Field(i).Kind() == reflect.Struct {
			flatten(v.Field(i), name+".", into)
			continue
		}
		into[name] = fmt.Sprint(v.Field(i).Interface())
	}
}

// TestReadmeExample validates the example's extension.
func TestReadmeExample(t *testing.T) {
	_, rest, _ := strings.Cut(section(t, "# Embedded ClickHouse extension"), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	var config map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(example), &config))
	keys, err := confmap.NewFromStringMap(config).Sub("extensions::embedded_clickhouse")
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, keys.Unmarshal(cfg))
	require.NoError(t, xconfmap.Validate(cfg))
}

// TestReadmeCounters compares the table of counters with the code.
func TestReadmeCounters(t *testing.T) {
	source, err := os.ReadFile("internal/metadata/telemetry.go")
	require.NoError(t, err)
	var want, documented []string
	for _, match := range regexp.MustCompile(`counter\("([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, "otelcol_embedded_clickhouse_"+match[1])
	}
	row := regexp.MustCompile("(?m)^\\| `(otelcol_[a-z_]+)` \\|")
	for _, match := range row.FindAllStringSubmatch(section(t, "## Telemetry"), -1) {
		documented = append(documented, match[1])
	}
	assert.ElementsMatch(t, want, documented)
}
