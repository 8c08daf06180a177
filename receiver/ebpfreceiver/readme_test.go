// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"gopkg.in/yaml.v3"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goroutines"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
)

func readme(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(content)
}

// keys of a struct, with their defaults where these are plain values.
func keys(v reflect.Value, prefix string, into map[string]string) {
	for i := range v.NumField() {
		field := v.Field(i)
		name := prefix + v.Type().Field(i).Tag.Get("mapstructure")
		switch {
		case field.Type() == reflect.TypeFor[configoptional.Optional[confighttp.ServerConfig]]():
			into[name] = ""
		case field.Kind() == reflect.Slice:
			into[name] = ""
			if field.Type().Elem().Kind() == reflect.Struct {
				of := map[string]string{}
				keys(reflect.New(field.Type().Elem()).Elem(), name+"[].", of)
				for key := range of { // an element has no defaults
					into[key] = ""
				}
			}
		case field.Kind() == reflect.Struct:
			keys(field, name+".", into)
		case field.Type() == reflect.TypeFor[time.Duration]():
			into[name] = field.Interface().(time.Duration).String()
		case field.Kind() == reflect.Bool:
			into[name] = "true"
			if !field.Bool() {
				into[name] = "false"
			}
		default:
			into[name] = ""
		}
	}
}

func TestReadmeListsEveryKeyWithItsDefault(t *testing.T) {
	want := map[string]string{}
	keys(reflect.ValueOf(createDefaultConfig()).Elem(), "", want)
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]]+)` \\| ([^|]*)\\|").FindAllStringSubmatch(readme(t), -1) {
		documented[row[1]] = strings.Trim(row[2], " `")
	}
	for key, value := range want {
		require.Contains(t, documented, key)
		if value != "" {
			require.Equal(t, value, documented[key], key)
		}
	}
	for key := range documented {
		if !strings.HasPrefix(key, metadata.Prefix) {
			require.Contains(t, want, key)
		}
	}
}

func TestReadmeExampleIsValid(t *testing.T) {
	_, rest, _ := strings.Cut(readme(t), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	var raw map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(example), &raw))
	sub, err := confmap.NewFromStringMap(raw).Sub("receivers::ebpf")
	require.NoError(t, err)
	config := createDefaultConfig()
	require.NoError(t, sub.Unmarshal(config))
	require.NoError(t, xconfmap.Validate(config))
}

func TestReadmeListsEveryMetricReasonAndFeature(t *testing.T) {
	var inCode, documented []string
	for _, file := range []string{"telemetry.go", "governor.go", "sampler.go"} {
		source, err := os.ReadFile("internal/metadata/" + file)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`Prefix\+"([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
			inCode = append(inCode, metadata.Prefix+match[1])
		}
	}
	for _, match := range regexp.MustCompile("(?m)^\\| `("+metadata.Prefix+"[a-z_]+)`").FindAllStringSubmatch(readme(t), -1) {
		documented = append(documented, match[1])
	}
	slices.Sort(inCode)
	slices.Sort(documented)
	require.Equal(t, inCode, documented)

	// Those of looks and of records are metrics of their own.
	for c := probe.DroppedBufferFull; c < probe.LooksTaken; c++ {
		require.Contains(t, readme(t), "`"+c.String()+"`")
	}
	for loss := range goroutines.Loss(goroutines.NumLosses) {
		require.Contains(t, readme(t), "`"+loss.String()+"`")
	}
	for _, feature := range []plan.Feature{plan.Ledger, plan.StopTheWorld, plan.Requests, plan.Routes, plan.TraceContext, plan.HTTP2,
		plan.SDKSpans, plan.EndedSpans, plan.SDKSpanContents, plan.Hijacks, plan.GCCycles, plan.ParkedStacks, plan.Governing, plan.Sampling, plan.Inheritance, plan.ThreadIdentity, plan.RuntimeMetrics,
		plan.RPCs, plan.RPCTraceContext, plan.Clients, plan.RPCClients, plan.RPCClientStatus, plan.RPCStreams, plan.SQL, plan.Lookups, plan.Handshakes, plan.Goroutines, plan.Profiles, plan.Allocations, plan.SpanAllocations} {
		require.Contains(t, readme(t), "`"+string(feature)+"`")
	}
}
