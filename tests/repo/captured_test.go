// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Pages that promise what a run printed hold it.
func TestCapturedOutputIsThere(t *testing.T) {
	for page, wants := range map[string]map[string][]string{
		"README.md": {
			"report": {"trace ", "dominant: ", "(OTel SDK)", "(Fathom)", "fsync /", "by route", "lost"},
			"bench":  {"target CPU", "p99", "agent RSS", "Linux"},
		},
		"docs/sdk-spans.md": {
			"sdk-bench": {"60000 spans/s are asked for", "exporter", "target CPU", "End p99", "delivered", "lost, SDK counts", "lost, kernel counts"},
		},
		"exporter/clickhouseexporter/MEASURED.md": {
			"contrib": {"contrib", "fathom", "span", "log", "lz4", "allocations/row", "ratio"},
		},
		"receiver/ebpfreceiver/MEASURED.md": {
			"bench":   {"median of", "to without", "default", "agent RSS"},
			"referee": {"exact ledgers", "p99 off", "pipeline", "all parts"},
		},
	} {
		content, err := os.ReadFile(filepath.Join("..", "..", page))
		require.NoError(t, err)
		for name, parts := range wants {
			block := regexp.MustCompile(`(?s)<!-- ` + name + `:begin -->(.*)<!-- ` + name + `:end -->`).FindStringSubmatch(string(content))
			require.NotNil(t, block, "%s has a block %s", page, name)
			for _, part := range parts {
				require.True(t, strings.Contains(block[1], part), "%s of %s has %q", name, page, part)
			}
		}
	}
}
