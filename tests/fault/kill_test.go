// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// trials is how often an agent is killed, in each way to form batches: what
// FATHOM_FAULT_TRIALS says, or a few.
func trials(t *testing.T) int {
	t.Helper()
	text := os.Getenv("FATHOM_FAULT_TRIALS")
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "FATHOM_FAULT_TRIALS")
	return (n + 1) / 2
}

// TestKills kills the agent at random moments: while it starts, while it takes
// load, while it drains its queue, with an engine whose answers come late. What
// it accepted is stored once, each time.
func TestKills(t *testing.T) {
	binary := buildAgent(t)
	for name, batch := range map[string]string{
		"requests": "num_consumers: 4",
		"batches":  "num_consumers: 4, batch: { flush_timeout: 20ms, min_size: 100 }",
	} {
		t.Run(name, func(t *testing.T) {
			engine := enginetest.StartAt(t, t.TempDir())
			p := startProxy(t, engine.Endpoint)
			a := newAgent(t, binary, p.endpoint, batch)
			killAndCompare(t, a, p, connect(t, engine.Endpoint))
		})
	}
}

func killAndCompare(t *testing.T, a *agent, p *proxy, db database) {
	sent := sendings{}
	a.start(t)
	a.awaitReady(t)
	all := trials(t)
	worst := report{}
	for trial := range all {
		p.misbehave([]fault{{delay: 10 * time.Millisecond}, {delay: time.Millisecond}, {cutAnswer: true}}[trial%3], 50)
		l := a.load(sent)
		time.Sleep(rand.N(300 * time.Millisecond))
		a.kill(t)
		l.stop()
		if trial%3 == 2 { // and while it starts and drains
			a.start(t)
			time.Sleep(rand.N(600 * time.Millisecond))
			a.kill(t)
		}
		a.start(t)
		r := db.await(t, sent)
		worst.duplicated = max(worst.duplicated, r.duplicated)
		worst.lost = max(worst.lost, r.lost)
		a.awaitReady(t)
	}
	time.Sleep(time.Second) // for what might come twice yet
	r := db.await(t, sent)
	t.Logf("trials %d, rows accepted %d, sent without an answer %d, stored %d, duplicated %d, lost %d",
		all, r.accepted, r.doubtful, r.stored, max(worst.duplicated, r.duplicated), max(worst.lost, r.lost))
	require.Positive(t, r.accepted)
}
