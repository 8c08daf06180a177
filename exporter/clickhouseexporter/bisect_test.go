// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

// mixed is n records, of which those at the given places are bad.
func mixed(n int, bad ...int) plog.Logs {
	logs := plog.NewLogs()
	var records plog.LogRecordSlice
	for i := range n {
		if i%100 == 0 { // extents lie across resources
			resource := logs.ResourceLogs().AppendEmpty()
			resource.Resource().Attributes().PutStr("service.name", fmt.Sprint("service ", i/100))
			records = resource.ScopeLogs().AppendEmpty().LogRecords()
		}
		record := records.AppendEmpty()
		record.SetTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
		record.Body().SetStr(fmt.Sprint("good ", i))
		if slices.Contains(bad, i) {
			record.Body().SetStr(fmt.Sprint("bad ", i))
		}
		record.Attributes().PutInt("n", int64(i))
	}
	return logs
}

// startPicky runs an exporter of log records whose table takes no bad ones.
func startPicky(t *testing.T, db database, cfg *Config) (probe, *logsExporter) {
	t.Helper()
	p := start(t, "logs", cfg)
	e := &logsExporter{inserter: p.Component.(*logsIntake).inserter, blocks: newKept(rows.NewLogs)}
	require.NoError(t, e.gate.pass(t.Context()))
	db.exec(t, "ALTER TABLE otel.otel_logs ADD CONSTRAINT IF NOT EXISTS picky CHECK NOT startsWith(Body, 'bad')")
	return p, e
}

// attempt is an attempt at a delivery that the attempts of the same context share.
func attempt(ctx context.Context, i *inserter) context.Context {
	return context.WithValue(ctx, deliveryKey{}, i.newDelivery(ctx))
}

const countGood = "SELECT count() FROM otel.otel_logs WHERE LogAttributes['n'] = splitByChar(' ', Body)[2] " +
	"AND ServiceName = concat('service ', toString(intDiv(toUInt64OrZero(LogAttributes['n']), 100)))"

// TestBadRowsAreIsolated stores all rows but the bad ones, and counts the INSERTs
// that it took.
func TestBadRowsAreIsolated(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	for name, bad := range map[string][]int{
		"last": {999}, "apart": {17, 400, 401, 999}, "in a row": {300, 301, 302, 303, 304, 305, 306, 307},
	} {
		t.Run(name, func(t *testing.T) {
			p, e := startPicky(t, db, synchronous(endpoint))
			db.exec(t, "TRUNCATE TABLE otel.otel_logs SYNC")
			const sent = 1000
			before := p.balance(t)
			e.account.receive(fromPipeline, sent)
			require.NoError(t, e.push(attempt(t.Context(), e.inserter), mixed(sent, bad...)), "the request as a whole is stored")
			good := sent - len(bad)
			assert.Equal(t, good, db.number(t, "SELECT count() FROM otel.otel_logs"))
			assert.Equal(t, good, db.number(t, countGood))
			assert.Equal(t, map[string]int64{"VIOLATED_CONSTRAINT": int64(len(bad))}, p.counter(t, "rows_refused", "reason"))
			b := p.balance(t)
			assert.Equal(t, balance{received: sent, written: int64(good), refused: int64(len(bad))}, b, "%+v", before)
			inserts := p.counter(t, "insert_failures", "table")["otel_logs"] + p.counter(t, "inserts", "table")["otel_logs"]
			depth := bits.Len(sent) + 1
			t.Logf("%d bad rows of %d: %d INSERTs, at most %d", len(bad), sent, inserts, 3*len(bad)*depth)
			assert.LessOrEqual(t, inserts, int64(3*len(bad)*depth))
		})
	}
}

// TestTooManyBadRows gives up looking, and stores what it still can.
func TestTooManyBadRows(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	p, e := startPicky(t, db, synchronous(endpoint))
	bad := make([]int, 0, 500)
	for n := 0; n < 1000; n += 2 {
		bad = append(bad, n)
	}
	e.account.receive(fromPipeline, 1000)
	err := e.push(attempt(t.Context(), e.inserter), mixed(1000, bad...))
	require.ErrorContains(t, err, "VIOLATED_CONSTRAINT")
	assert.True(t, consumererror.IsPermanent(err))
	refused := p.counter(t, "rows_refused", "reason")
	assert.Equal(t, int64(maxIsolated), refused["VIOLATED_CONSTRAINT"])
	assert.Positive(t, refused[reasonTooMany])
	b := p.balance(t)
	t.Logf("%+v", b)
	assert.Zero(t, b.queued)
	assert.Equal(t, int(b.written), db.number(t, countGood))
	assert.LessOrEqual(t, p.counter(t, "insert_failures", "table")["otel_logs"], int64(2*maxIsolated*11))
}

// TestIsolationGoesOn is interrupted at several places, and goes on where it was,
// in the same life of the exporter; in the next, it does the same again.
func TestIsolationGoesOn(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	bad := []int{3, 250, 251, 700}
	for name, lives := range map[string]bool{"attempts": false, "lives": true} {
		t.Run(name, func(t *testing.T) {
			accepted := identified(t.Context(), newIdentities().next())
			cfg := persistent(synchronous(endpoint))
			p, e := startIsolation(t, db, cfg)
			db.exec(t, "TRUNCATE TABLE otel.otel_logs SYNC")
			under := attempt(accepted, e.inserter)
			var interrupted int
			for _, after := range []int64{1, 600} {
				ctx, cancel := context.WithCancel(under)
				go func() {
					for p.counter(t, "rows_written", "table")["otel_logs"] < after && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
					cancel()
				}()
				if e.push(ctx, mixed(1000, bad...)) != nil {
					interrupted++
				}
				cancel()
				if lives {
					p, e = startIsolation(t, db, cfg)
					under = attempt(accepted, e.inserter)
				}
			}
			t.Logf("interrupted %d times, %d rows stored", interrupted, db.number(t, "SELECT count() FROM otel.otel_logs"))
			require.NoError(t, e.push(under, mixed(1000, bad...)))
			assert.Equal(t, 996, db.number(t, "SELECT count() FROM otel.otel_logs"))
			assert.Equal(t, 996, db.number(t, countGood))
			if !lives {
				assert.Equal(t, map[string]int64{"VIOLATED_CONSTRAINT": 4}, p.counter(t, "rows_refused", "reason"))
			}
		})
	}
}

// startIsolation is startPicky for an exporter whose queue the test stands for.
func startIsolation(t *testing.T, db database, cfg *Config) (probe, *logsExporter) {
	t.Helper()
	p := startWith(t, "logs", cfg, hostOf{componenttest.NewNopHost(), &disk{values: map[string][]byte{}, left: 1 << 20}})
	e := &logsExporter{inserter: p.Component.(*logsIntake).inserter, blocks: newKept(rows.NewLogs)}
	require.NoError(t, e.gate.pass(t.Context()))
	db.exec(t, "ALTER TABLE otel.otel_logs ADD CONSTRAINT IF NOT EXISTS picky CHECK NOT startsWith(Body, 'bad')")
	return p, e
}

// TestViewsThatFail has a view of the user's fail for a value after the table has
// stored the rows: they are stored once, in the table and in its other views.
func TestViewsThatFail(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	p, e := startPicky(t, db, synchronous(endpoint))
	db.exec(t, "CREATE MATERIALIZED VIEW otel.numbers ENGINE = MergeTree ORDER BY n AS SELECT toUInt64(Body) AS n FROM otel.otel_logs")
	db.exec(t, "CREATE MATERIALIZED VIEW otel.others ENGINE = MergeTree ORDER BY b AS SELECT Body AS b FROM otel.otel_logs")
	e.account.receive(fromPipeline, 1100)
	require.NoError(t, e.push(attempt(t.Context(), e.inserter), mixed(100)))
	assert.Equal(t, 100, db.number(t, "SELECT count() FROM otel.otel_logs"))
	assert.Equal(t, 100, db.number(t, "SELECT count() FROM otel.others"))
	assert.Equal(t, map[string]int64{"otel_logs": 100}, p.counter(t, "view_failures", "table"))
	assert.Empty(t, p.counter(t, "rows_refused", "reason"))

	require.NoError(t, e.push(attempt(t.Context(), e.inserter), mixed(1000, 5, 500)), "with rows that the table refuses")
	assert.Equal(t, 1098, db.number(t, "SELECT count() FROM otel.otel_logs"))
	assert.Equal(t, 1098, db.number(t, "SELECT count() FROM otel.others"))
	assert.Equal(t, map[string]int64{"VIOLATED_CONSTRAINT": 2}, p.counter(t, "rows_refused", "reason"))
	assert.Equal(t, int64(1098), p.balance(t).written)
}
