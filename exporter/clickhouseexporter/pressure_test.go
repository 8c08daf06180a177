// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

func TestPressure(t *testing.T) {
	var p pressure
	now := time.Unix(1, 0)
	assert.Zero(t, p.admit(now))
	assert.Zero(t, p.admit(now), "without pressure all go on")

	assert.Equal(t, pressureMin, p.rise(now))
	later := now.Add(100 * time.Millisecond)
	assert.Equal(t, pressureMin-100*time.Millisecond, p.rise(later), "what was under way prolongs nothing")
	assert.Equal(t, pressureMin-100*time.Millisecond, p.admit(later))

	now = now.Add(pressureMin)
	assert.Zero(t, p.admit(now), "one tries")
	assert.Equal(t, pressureMin, p.admit(now), "the others wait")
	assert.Equal(t, 2*pressureMin, p.rise(now))
	now = now.Add(2 * pressureMin)
	assert.Zero(t, p.admit(now))
	p.undecided()
	assert.Zero(t, p.admit(now), "another tries")
	p.fall()
	assert.Zero(t, p.admit(now))
	assert.Zero(t, p.admit(now))
	assert.Equal(t, pressureMin, p.rise(now), "as at first")

	for range 20 {
		now = now.Add(pressureMax)
		assert.Zero(t, p.admit(now))
		assert.LessOrEqual(t, p.rise(now), pressureMax)
	}
	assert.Equal(t, pressureMax, p.admit(now))
}

// TestOverloadSlowsInsertsDown has a real server that has too many parts, with
// more consumers than that would each try again every 200 ms: one of them tries,
// more and more seldom. What was accepted is stored when the server has room.
func TestOverloadSlowsInsertsDown(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	cfg := patient(endpoint)
	p, consume := startTraces(t, cfg)
	require.NoError(t, consume(t.Context(), numbered(0, 10)))
	db.eventually(t, 10, "SELECT count() FROM otel.otel_traces")
	db.exec(t, "SYSTEM STOP MERGES otel.otel_traces")
	db.exec(t, "ALTER TABLE otel.otel_traces MODIFY SETTING parts_to_delay_insert = 0, parts_to_throw_insert = 1")

	const requests = 30
	for n := range requests {
		require.NoError(t, consume(t.Context(), numbered(10+n*10, 10)))
	}
	failures := func() int64 { return p.counter(t, "insert_failures", "reason")["TOO_MANY_PARTS"] }
	require.Eventually(t, func() bool { return failures() > 0 }, patience, time.Millisecond)
	time.Sleep(4 * time.Second)
	consumers := int64(cfg.QueueSettings.Get().NumConsumers)
	t.Logf("%d inserts were refused in 4 s, by %d consumers", failures(), consumers)
	assert.LessOrEqual(t, failures(), consumers+4, "once each, and then one after 0.5, 1, 2 s")
	assert.Positive(t, p.balance(t).queued)

	db.exec(t, "ALTER TABLE otel.otel_traces RESET SETTING parts_to_delay_insert, parts_to_throw_insert")
	db.eventually(t, 10+10*requests, "SELECT count() FROM otel.otel_traces")
	p.stop()
	assert.Equal(t, balance{received: 10 + 10*requests, written: 10 + 10*requests}, p.balance(t))
}
