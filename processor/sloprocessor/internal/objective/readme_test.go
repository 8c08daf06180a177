// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmeKeys compares the README's table of keys with the configuration.
func TestReadmeKeys(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(readme), "## The keys of an objective\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|").FindAllStringSubmatch(section, -1) {
		documented = append(documented, match[1])
	}
	want := keysOf(reflect.TypeFor[Objective](), "")
	slices.Sort(documented)
	slices.Sort(want)
	assert.Equal(t, want, documented)
}

// keysOf are the keys of a configuration's type, of lists those of their elements.
func keysOf(config reflect.Type, path string) (keys []string) {
	for i := range config.NumField() {
		key, tagged := config.Field(i).Tag.Lookup("mapstructure")
		if !tagged {
			continue
		}
		field := config.Field(i).Type
		if field.Kind() == reflect.Pointer || field.Kind() == reflect.Slice {
			field = field.Elem()
		}
		if nested := keysOfStruct(field, path+key+"."); len(nested) > 0 {
			keys = append(keys, nested...)
		} else {
			keys = append(keys, path+key)
		}
	}
	return keys
}

func keysOfStruct(field reflect.Type, path string) []string {
	if field.Kind() != reflect.Struct {
		return nil
	}
	return keysOf(field, path)
}
