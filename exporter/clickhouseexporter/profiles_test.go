// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestProfilesPageQuery runs the query of the page on profiles.
func TestProfilesPageQuery(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	require.NoError(t, start(t, "profiles", synchronous(endpoint)).send(t.Context()))
	page, err := os.ReadFile("json-and-profiles.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(page), "```sql\n")
	query, _, _ := strings.Cut(rest, "```")
	require.Contains(t, query, "now() - 3600")
	printed := db.print(t, strings.ReplaceAll(strings.TrimSuffix(strings.TrimSpace(query), ";"), "now() - 3600", "toDateTime(0)"))
	assert.Contains(t, printed, "cpu_seconds: 0.03")
}

// TestProfilesAreNotMerged has a queue in memory form no batches of profiles.
// TestProfilesPassTheGuard: a limit of other signals' attributes is none of theirs.
func TestProfilesPassTheGuard(t *testing.T) {
	cfg := synchronous(enginetest.Start(t))
	cfg.Cardinality.Length.Limit = 64
	p := start(t, "profiles", cfg)
	require.NoError(t, p.send(t.Context()))
}

func TestProfilesAreNotMerged(t *testing.T) {
	cfg := configFor("tcp://127.0.0.1:9000")
	cfg.QueueSettings.Get().Batch.GetOrInsertDefault().MinSize = 100
	assert.False(t, cfg.forProfiles().QueueSettings.Get().Batch.HasValue())
	assert.True(t, cfg.QueueSettings.Get().Batch.HasValue(), "of the other signals")
}
