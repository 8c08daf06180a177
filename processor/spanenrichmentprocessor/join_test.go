// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
)

func TestLedgerBeforeItsSpan(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	logs := oneLedger(shop, 1, 0, 10, mutexLedger())
	p.sendLogs(logs)
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))

	require.Equal(t, 1, p.spansOut.SpanCount(), "the span was not held")
	span := p.spans(1)["checkout"]
	assert.Equal(t, mutexLedger(), requireLedger(t, span))
	dominant, _ := span.Attributes().Get(ledger.AttributeDominant)
	assert.Equal(t, "blocked.mutex", dominant.Str())
	assert.Equal(t, int64(17), intOf(t, span.Attributes(), events.GoroutineID))
	assert.Equal(t, int64(1), p.metric("records_joined", attribute.String("kind", "ledger"), attribute.String("key", "span")))
	assert.Equal(t, int64(1), p.metric("spans_enriched"))
	assert.Equal(t, 1, p.logsOut.LogRecordCount())
}

func TestLedgerWithinTheWait(t *testing.T) {
	config := testConfig()
	config.Wait = 10 * time.Second
	p := startPipelines(t, config, nil)
	p.sendLogs(oneLedger(shop, 9, 0, 10, mutexLedger())) // the service is observed
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))
	assert.Equal(t, int64(1), p.metric("spans_held"))
	assert.Zero(t, p.spansOut.SpanCount())

	p.sendLogs(oneLedger(shop, 1, 0, 10, mutexLedger()))
	requireLedger(t, p.spans(1)["checkout"])
	assert.Equal(t, int64(1), p.metric("spans_released", attribute.String("reason", "joined")))
	require.Eventually(t, func() bool { return p.metric("spans_held") == 0 }, time.Second, time.Millisecond)
}

func TestLedgerAfterTheWaitIsLate(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	p.sendLogs(oneLedger(shop, 9, 0, 10, mutexLedger()))
	began := time.Now()
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))
	span := p.spans(1)["checkout"]
	assert.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond)
	_, has := span.Attributes().Get(ledger.AttributeSource)
	assert.False(t, has)
	assert.Equal(t, int64(1), p.metric("spans_released", attribute.String("reason", "wait")))

	p.sendLogs(oneLedger(shop, 1, 0, 10, mutexLedger()))
	assert.Equal(t, int64(1), p.metric("records_dropped", attribute.String("kind", "ledger"), attribute.String("reason", "late")))
	assert.Equal(t, 2, p.logsOut.LogRecordCount(), "it stays queryable as a log record")
}
