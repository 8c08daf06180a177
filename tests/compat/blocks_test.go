// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
	"github.com/fathom-otel/fathom/internal/sampledata"
)

// tables is the tables of all signals.
func tables() []string {
	return []string{
		"otel_traces", "otel_logs", "otel_metrics_gauge", "otel_metrics_sum", "otel_metrics_summary",
		"otel_metrics_histogram", "otel_metrics_exponential_histogram", "otel_profiles",
	}
}

// TestBlocksAreContribs sends the same data by both exporters to a real engine
// and compares the blocks as they went over the wire, byte for byte.
func TestBlocksAreContribs(t *testing.T) {
	inEachForm(t, blocksAreContribs)
}

// inEachForm runs a test with the keys for Map columns, and for JSON columns.
func inEachForm(t *testing.T, test func(*testing.T, map[string]any)) {
	for _, json := range []bool{false, true} {
		t.Run(fmt.Sprint("json=", json), func(t *testing.T) { test(t, map[string]any{"json": json}) })
	}
}

func blocksAreContribs(t *testing.T, keys map[string]any) {
	engine := enginetest.Start(t)
	data := everything()
	g := sampledata.New(1)
	// Enough span names and keys for numbers of one byte and of two. In JSON the
	// engine has a column for each key: there, fewer.
	compared := tables()
	if keys["json"] == true {
		compared = compared[:2]
		data = forJSON(data)
		data.traces = append(data.traces, g.Traces(1000), manyNames(300))
		data.logs = append(data.logs, g.Logs(1000))
	} else {
		data.traces = append(data.traces, g.Traces(3000), manyNames(300), manyNames(70_000))
		data.logs = append(data.logs, g.Logs(3000))
		for _, kind := range kinds() {
			data.metrics = append(data.metrics, g.Metrics(kind, 500))
		}
	}

	sent := map[string]map[string][][]byte{}
	for _, side := range []string{contrib, fathom} {
		recorder := record(t, engine)
		start(t, side, recorder.endpoint, keys).mustSend(t, data)
		sent[side] = recorder.blocks(t)
	}
	for _, table := range compared {
		require.NotEmpty(t, sent[contrib][table], table)
		if !assert.Len(t, sent[fathom][table], len(sent[contrib][table]), table) {
			continue
		}
		size := 0
		for n, want := range sent[contrib][table] {
			size += len(want)
			assert.Empty(t, difference(want, sent[fathom][table][n]), "block %d of %s", n, table)
		}
		t.Logf("%-35s %d blocks, %d bytes", table, len(sent[contrib][table]), size)
	}
}

// difference says where two blocks differ, or nothing.
func difference(want, got []byte) string {
	if bytes.Equal(want, got) {
		return ""
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	around := func(b []byte) []byte { return b[max(0, at-60):min(len(b), at+60)] }
	return fmt.Sprintf("at byte %d of %d and %d:\ncontrib %q\nfathom  %q", at, len(want), len(got), around(want), around(got))
}
