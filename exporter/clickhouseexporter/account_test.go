// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// balance is what the metrics say, read at once.
type balance struct{ received, queued, written, refused int64 }

func (p probe) balance(t *testing.T) balance {
	t.Helper()
	var read metricdata.ResourceMetrics
	require.NoError(t, p.telemetry.Reader.Collect(t.Context(), &read))
	var b balance
	for _, scope := range read.ScopeMetrics {
		for _, metric := range scope.Metrics {
			name, ours := strings.CutPrefix(metric.Name, "otelcol_exporter_clickhouse_rows_")
			into := map[string]*int64{
				"received": &b.received, "queued": &b.queued, "written": &b.written, "refused": &b.refused,
			}[name]
			if !ours || into == nil {
				continue
			}
			for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
				*into += point.Value
			}
		}
	}
	assert.Equal(t, b.received, b.written+b.refused+b.queued, "%+v", b)
	assert.GreaterOrEqual(t, b.queued, int64(0), "%+v", b)
	return b
}

// TestAccountBalances reads the account again and again while batches of each
// signal are stored, fail, and are refused by ClickHouse and by a full queue.
func TestAccountBalances(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	for signal, rows := range map[string]int64{"traces": 4, "logs": 4, "metrics": 14} {
		t.Run(signal, func(t *testing.T) {
			cfg := patient(engine.Endpoint)
			cfg.QueueSettings.Get().QueueSize = 8
			cfg.QueueSettings.Get().NumConsumers = 2
			p := start(t, signal, cfg)
			ended := make(chan struct{})
			var reading sync.WaitGroup
			reading.Go(func() {
				for {
					select {
					case <-ended:
						return
					case <-time.After(time.Millisecond):
						p.balance(t)
					}
				}
			})
			const requests = 40
			var refused int64
			for n := range requests {
				if n == requests/2 {
					engine.Kill(t)
				}
				if p.send(t.Context()) != nil {
					refused++
				}
			}
			require.Positive(t, p.balance(t).queued)
			engine.Restart(t)
			require.Eventually(t, func() bool { return p.balance(t).queued == 0 }, patience, 10*time.Millisecond)
			close(ended)
			reading.Wait()
			b := p.balance(t)
			t.Logf("%+v", b)
			assert.Equal(t, balance{received: requests * rows, written: (requests - refused) * rows, refused: refused * rows}, b)
			assert.Equal(t, map[string]int64{"not_queued": refused * rows}, p.counter(t, "rows_refused", "reason"))
			assert.Positive(t, p.sum("otelcol_exporter_clickhouse_inserts"))
			assert.Positive(t, p.sum("otelcol_exporter_clickhouse_retries"))
			assert.Positive(t, p.sum("otelcol_exporter_clickhouse_bytes"))
			for _, phase := range []phase{phaseEncode, phaseSend, phaseWait} {
				assert.Positive(t, p.seconds(t)[string(phase)], phase)
			}
		})
	}
}

// seconds is the time by phase.
func (p probe) seconds(t *testing.T) map[string]float64 {
	t.Helper()
	metric, err := p.telemetry.GetMetric("otelcol_exporter_clickhouse_time")
	require.NoError(t, err)
	seconds := map[string]float64{}
	for _, point := range metric.Data.(metricdata.Sum[float64]).DataPoints {
		phase, _ := point.Attributes.Value("phase")
		seconds[phase.AsString()] += point.Value
	}
	return seconds
}

// TestAccountOfWhatIsGivenUp has batches whose retries end.
func TestAccountOfWhatIsGivenUp(t *testing.T) {
	cfg := configFor(closedEndpoint(t))
	cfg.BackOffConfig.InitialInterval, cfg.BackOffConfig.MaxElapsedTime = time.Millisecond, 20*time.Millisecond
	p := start(t, "logs", cfg)
	require.NoError(t, p.send(t.Context()))
	require.Eventually(t, func() bool { return p.balance(t) == balance{received: 4, refused: 4} }, patience, time.Millisecond)
	assert.Equal(t, map[string]int64{"given_up": 4}, p.counter(t, "rows_refused", "reason"))
}

// TestAccountOverARestart leaves batches in a queue on disk: they are queued
// while the exporter shuts down, and come from there in its next life.
func TestAccountOverARestart(t *testing.T) {
	cfg := patient("127.0.0.1:1")
	cfg.Endpoint = closedEndpoint(t)
	id := diskID()
	cfg.QueueSettings.Get().StorageID = &id
	d := &disk{values: map[string][]byte{}, left: 1 << 20}
	p := startWith(t, "logs", cfg, hostOf{componenttest.NewNopHost(), d})
	for range 3 {
		require.NoError(t, p.send(t.Context()))
	}
	p.stop()
	assert.Equal(t, balance{received: 12, queued: 12}, p.balance(t))

	cfg.Endpoint = "tcp://" + enginetest.Start(t)
	next := startWith(t, "logs", cfg, hostOf{componenttest.NewNopHost(), d})
	require.NoError(t, next.send(t.Context()))
	require.Eventually(t, func() bool { return next.balance(t) == balance{received: 16, written: 16} }, patience, time.Millisecond)
	metric, err := next.telemetry.GetMetric("otelcol_exporter_clickhouse_rows_received")
	require.NoError(t, err)
	from := map[string]int64{}
	for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
		source, _ := point.Attributes.Value("from")
		from[source.AsString()] = point.Value
	}
	assert.Equal(t, map[string]int64{"pipeline": 4, "storage": 12}, from)
}

// TestAccountOfAQueueWithoutIdentities finds a request on disk that an exporter left
// which gave it no identity: it came from there.
func TestAccountOfAQueueWithoutIdentities(t *testing.T) {
	cfg := patient("127.0.0.1:1")
	cfg.Endpoint = closedEndpoint(t)
	id := diskID()
	cfg.QueueSettings.Get().StorageID = &id
	d := &disk{values: map[string][]byte{}, left: 1 << 20}
	p := startWith(t, "logs", cfg, hostOf{componenttest.NewNopHost(), d})
	older := p.Component.(*logsIntake).queued.(consumer.Logs)
	require.NoError(t, older.ConsumeLogs(t.Context(), bodies("a", "b")))
	p.stop()

	cfg.Endpoint = "tcp://" + enginetest.Start(t)
	next := startWith(t, "logs", cfg, hostOf{componenttest.NewNopHost(), d})
	require.Eventually(t, func() bool { return next.balance(t) == balance{received: 2, written: 2} }, patience, time.Millisecond)
}
