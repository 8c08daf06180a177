// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

// patience bounds what a test waits for, on a machine with better things to do.
const patience = 90 * time.Second

// startExporter runs the exporter of traces until the test ends.
func startExporter(t *testing.T, endpoint string) (e exporter.Traces, stop func()) {
	t.Helper()
	factory := clickhouseexporter.NewFactory()
	cfg := factory.CreateDefaultConfig().(*clickhouseexporter.Config)
	cfg.Endpoint, cfg.Database = "tcp://"+endpoint, "otel"
	cfg.TimeoutSettings.Timeout = patience
	cfg.BackOffConfig.InitialInterval, cfg.BackOffConfig.MaxInterval = 20*time.Millisecond, 100*time.Millisecond
	cfg.BackOffConfig.MaxElapsedTime = 0
	e, err := factory.CreateTraces(t.Context(), exportertest.NewNopSettings(component.MustNewType("clickhouse")), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	stop = sync.OnceFunc(func() { require.NoError(t, e.Shutdown(context.Background())) })
	t.Cleanup(stop)
	return e, stop
}

// faults are all ways in which an INSERT goes wrong.
func faults() map[string]fault {
	return map[string]fault{
		"TOO_MANY_PARTS":        {code: proto.ErrTooManyParts},
		"MEMORY_LIMIT_EXCEEDED": {code: proto.ErrMemoryLimitExceeded},
		"TIMEOUT_EXCEEDED":      {code: proto.ErrTimeoutExceeded},
		"NETWORK_ERROR":         {code: proto.ErrNetworkError},
		"cut in a block":        {cutInBlock: true},
		"reset":                 {reset: true},
		"cut before the answer": {cutAnswer: true},
		"slow":                  {delay: 20 * time.Millisecond},
	}
}

// TestFaults has every INSERT fail several times, in each way.
func TestFaults(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	db := connect(t, engine.Endpoint)
	p := startProxy(t, engine.Endpoint)
	e, stop := startExporter(t, p.endpoint)
	sent := sendings{}
	send := func(n int) {
		for range n {
			b := sent.next()
			require.NoError(t, e.ConsumeTraces(t.Context(), b.traces()))
			b.accepted = true
		}
	}
	send(1)
	db.await(t, sent)
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			before := p.hits.Load()
			times := 15
			if f.code == proto.ErrTooManyParts || f.code == proto.ErrMemoryLimitExceeded {
				times = 4 // each has all inserts pause, twice as long as before
			}
			p.misbehave(f, times)
			send(8)
			db.await(t, sent)
			send(8)
			report := db.await(t, sent)
			assert.GreaterOrEqual(t, p.hits.Load()-before, int64(min(8, times)))
			t.Logf("%d faults; %s", p.hits.Load()-before, report)
		})
	}
	t.Run("restarts", func(t *testing.T) {
		p.misbehave(fault{delay: 5 * time.Millisecond}, 1000)
		for range 3 {
			send(8)
			engine.Kill(t)
			engine.Restart(t)
		}
		t.Log(db.await(t, sent))
	})
	stop()
	db.await(t, sent) // nothing came twice after all was there
}

// TestFaultsDuplicateWithoutAWindow is the proof that the faults are real: a
// table that keeps no tokens stores rows twice.
func TestFaultsDuplicateWithoutAWindow(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	db := connect(t, engine.Endpoint)
	p := startProxy(t, engine.Endpoint)
	e, _ := startExporter(t, p.endpoint)
	sent := sendings{}
	send := func() {
		b := sent.next()
		require.NoError(t, e.ConsumeTraces(t.Context(), b.traces()))
		b.accepted = true
	}
	send()
	db.await(t, sent)
	require.NoError(t, db.Exec(t.Context(), "ALTER TABLE otel.otel_traces MODIFY SETTING non_replicated_deduplication_window = 0"))
	p.misbehave(fault{cutAnswer: true}, 3)
	send()
	require.Eventually(t, func() bool {
		report, err := db.compare(t.Context(), sent)
		return err == nil && report.duplicated == 3*rowsPerBatch && report.lost == 0
	}, patience, 20*time.Millisecond)
	assert.Equal(t, int64(3), p.hits.Load())
}

// database is a connection to the engine, past the proxy.
type database struct{ driver.Conn }

func connect(t *testing.T, endpoint string) database {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{endpoint}, DialTimeout: patience})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return database{conn}
}

// await waits until what was accepted is stored, and is what is stored then.
func (d database) await(t *testing.T, sent sendings) report {
	t.Helper()
	var r report
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var err error
		r, err = d.compare(t.Context(), sent)
		if err == nil && r.lost == 0 {
			break
		}
		if time.Now().After(end) {
			require.FailNow(t, "what was accepted is not stored", "after %v: %s, %v", patience, r, err)
		}
	}
	require.Zero(t, r.duplicated, r.String())
	return r
}

// report is what is stored of what was sent, in rows.
type report struct{ accepted, doubtful, stored, duplicated, lost int }

func (r report) String() string {
	return fmt.Sprintf("%d rows accepted, %d sent without an answer, %d stored, %d duplicated, %d lost",
		r.accepted, r.doubtful, r.stored, r.duplicated, r.lost)
}
