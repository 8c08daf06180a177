// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package headertest reads the constants of the BPF programs' C headers in
// tests, which compare them with their twins in Go.
package headertest

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Constants are the numbers of a file of bpf/headers: its macros that are one
// number or one that is shifted, and the members of its enums. It is for tests of the packages beside
// this one, which run in their own directories.
func Constants(t testing.TB, name string) map[string]int64 {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../../../../bpf/headers", name))
	require.NoError(t, err)
	text := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(content), "")
	found := map[string]int64{}
	for _, macro := range regexp.MustCompile(`(?m)^#define (\w+) (\w+)\s*$`).FindAllStringSubmatch(text, -1) {
		if value, err := strconv.ParseInt(macro[2], 0, 64); err == nil {
			found[macro[1]] = value
		}
	}
	for _, macro := range regexp.MustCompile(`(?m)^#define (\w+) \((\d+) << (\d+)\)\s*$`).FindAllStringSubmatch(text, -1) {
		number, err1 := strconv.ParseInt(macro[2], 10, 32)
		shift, err2 := strconv.ParseUint(macro[3], 10, 5)
		if err1 == nil && err2 == nil {
			found[macro[1]] = number << shift
		}
	}
	for _, enum := range regexp.MustCompile(`(?s)enum \w+ \{(.*?)\};`).FindAllStringSubmatch(text, -1) {
		next := int64(0)
		for member := range strings.SplitSeq(enum[1], ",") {
			constant, value, given := strings.Cut(strings.TrimSpace(member), "=")
			if constant = strings.TrimSpace(constant); constant == "" {
				continue
			}
			if given {
				next, err = strconv.ParseInt(strings.TrimSpace(value), 0, 64)
				require.NoError(t, err, "%s of %s", constant, name)
			}
			found[constant] = next
			next++
		}
	}
	require.NotEmpty(t, found, name)
	return found
}
