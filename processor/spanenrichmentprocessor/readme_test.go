// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

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

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
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

// firstColumn is the code in the first column of a table's rows.
func firstColumn(text string) (names []string) {
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|").FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}

// TestReadmeKeys compares the table of keys with the Config struct: each key
// once, with its default.
func TestReadmeKeys(t *testing.T) {
	documented := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| `([^`]*)` \\|")
	for _, match := range row.FindAllStringSubmatch(section(t, "## Keys"), -1) {
		documented[match[1]] = match[2]
	}
	want := map[string]string{}
	config := reflect.ValueOf(createDefaultConfig()).Elem()
	for i := range config.NumField() {
		if key, tagged := config.Type().Field(i).Tag.Lookup("mapstructure"); tagged {
			want[key] = fmt.Sprint(config.Field(i).Interface())
		}
	}
	assert.Equal(t, want, documented)
}

func TestReadmeExample(t *testing.T) {
	_, rest, _ := strings.Cut(section(t, "# Span enrichment processor"), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	var whole map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(example), &whole))
	own, err := confmap.NewFromStringMap(whole).Sub("processors::span_enrichment")
	require.NoError(t, err)
	config := &Config{}
	require.NoError(t, own.Unmarshal(config))
	require.NoError(t, xconfmap.Validate(config))
	assert.Equal(t, createDefaultConfig(), config, "the example shows the defaults")
}

// TestReadmeTelemetry compares the tables of metrics and reasons with the code.
func TestReadmeTelemetry(t *testing.T) {
	source, err := os.ReadFile("internal/metadata/telemetry.go")
	require.NoError(t, err)
	want := regexp.MustCompile(`otelcol_[a-z_]+`).FindAllString(string(source), -1)
	for reason := range join.Reason(join.NumReasons) {
		want = append(want, reason.String())
	}
	for departure := range join.Departure(join.NumDepartures) {
		want = append(want, departure.String())
	}
	text := section(t, "## Telemetry")
	assert.ElementsMatch(t, want, firstColumn(text))
	for kind := range join.Kind(join.NumKinds) {
		assert.Contains(t, text, "`"+kind.String()+"`")
	}
	for key := range join.Key(join.NumKeys) {
		assert.Contains(t, text, "`"+key.String()+"`")
	}
}

// TestReadmeLimit: the number of events stands in the text.
func TestReadmeLimit(t *testing.T) {
	assert.Contains(t, section(t, "## What is joined"), fmt.Sprintf("its %d longest events", join.MaxEvents))
}
