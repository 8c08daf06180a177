// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

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

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// TestReadmeKeys compares the table of keys with the Config struct: each key
// once, with its default.
func TestReadmeKeys(t *testing.T) {
	documented := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|([^|]*)\\|")
	keys, _, _ := strings.Cut(section(t, "## Keys"), "### ")
	for _, match := range row.FindAllStringSubmatch(keys, -1) {
		documented[match[1]] = strings.Trim(match[2], "` ")
	}
	want := map[string]string{}
	flatten(reflect.ValueOf(createDefaultConfig()).Elem(), "", want)
	// These have no value of their own as their default.
	want["endpoint"], want["retry_on_failure"], want["sending_queue"] = "required", "enabled", "enabled"
	want["tls"], want["connection_params"], want["password"] = "", "", ""
	assert.Equal(t, want, documented)
}

// flatten prints the value of each key of a struct, into the structs that this
// package declares.
func flatten(v reflect.Value, prefix string, into map[string]string) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
		switch {
		case options == "squash":
			flatten(v.Field(i), prefix, into)
		case field.Type.Kind() == reflect.Struct && field.Type.PkgPath() == reflect.TypeFor[Config]().PkgPath():
			flatten(v.Field(i), prefix+name+".", into)
		default:
			into[prefix+name] = fmt.Sprint(v.Field(i).Interface())
		}
	}
}

// TestReadmeExample validates the example's exporter.
func TestReadmeExample(t *testing.T) {
	readme := section(t, "# ClickHouse exporter")
	_, rest, _ := strings.Cut(readme, "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	cfg := exampleConfig(t, example)
	assert.Equal(t, "otel", cfg.Database)
	assert.True(t, cfg.QueueSettings.Get().Batch.HasValue())
}

// TestReadmeQueue compares what the README says of the queue with its default
// and validates the example that keeps it on disk.
func TestReadmeQueue(t *testing.T) {
	text := section(t, "## The queue")
	require.Contains(t, text, "**The sending queue is in memory**")
	assert.Nil(t, createDefaultConfig().(*Config).QueueSettings.Get().StorageID)
	_, rest, _ := strings.Cut(text, "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	cfg := exampleConfig(t, example)
	require.NotNil(t, cfg.QueueSettings.Get().StorageID)
	assert.Equal(t, "file_storage", cfg.QueueSettings.Get().StorageID.String())
}

// exampleConfig is the valid configuration of the exporter in an example.
func exampleConfig(t *testing.T, example string) *Config {
	var config map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(example), &config))
	exporters, err := confmap.NewFromStringMap(config).Sub("exporters::clickhouse")
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, exporters.Unmarshal(cfg))
	require.NoError(t, xconfmap.Validate(cfg))
	return cfg
}

// TestReadmeCounters compares the table of counters with the code.
func TestReadmeCounters(t *testing.T) {
	source, err := os.ReadFile("internal/metadata/telemetry.go")
	require.NoError(t, err)
	var want, documented []string
	for _, match := range regexp.MustCompile(`(?:counter\(|observed\(|prefix\+)"([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, "otelcol_exporter_clickhouse_"+match[1])
	}
	row := regexp.MustCompile("(?m)^\\| `(otelcol_[a-z_]+)` \\|")
	for _, match := range row.FindAllStringSubmatch(section(t, "## Telemetry"), -1) {
		documented = append(documented, match[1])
	}
	assert.ElementsMatch(t, want, documented)
}

// section is README.md from a heading to the next of its level.
func section(t *testing.T, heading string) string {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(readme), heading+"\n")
	require.True(t, found, heading)
	level, _, _ := strings.Cut(heading, " ")
	body, _, _ := strings.Cut(after, "\n"+level+" ")
	return body
}

// TestReadmeMigrations compares the table of migrations with the code.
func TestReadmeMigrations(t *testing.T) {
	want := []string{schema.Created().String()}
	for _, m := range schema.Migrations() {
		want = append(want, m.String())
	}
	var documented []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([0-9]{4}_[a-z_]+)` \\|").FindAllStringSubmatch(section(t, "## Migrations"), -1) {
		documented = append(documented, match[1])
	}
	assert.Equal(t, want, documented)
}
