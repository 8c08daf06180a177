// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/shard"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

// over spreads a configuration's rows over shards.
func over(cfg *Config, endpoints ...string) *Config {
	cfg.Endpoint = ""
	for _, endpoint := range endpoints {
		cfg.Sharding.Shards = append(cfg.Sharding.Shards, ShardConfig{Endpoint: endpoint})
	}
	return cfg
}

// TestEachRowIsOnItsShard stores the sample of each signal on two shards, which
// are databases of one server, and compares what is there with what one stores.
func TestEachRowIsOnItsShard(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	spread := signals()
	delete(spread, "profiles") // TestProfilesAreNotSpread
	for signal := range spread {
		one := start(t, signal, synchronous(endpoint))
		require.NoError(t, one.send(t.Context()))
		cfg := over(synchronous(endpoint), "tcp://"+endpoint+"/shard_a", "tcp://"+endpoint+"/shard_b")
		cfg.Database = "default"
		require.NoError(t, cfg.Validate())
		p := start(t, signal, cfg)
		require.NoError(t, p.send(t.Context()))
		for table, columns := range tablesOf(signal) {
			names := make([]string, len(columns))
			for i, column := range columns {
				names[i] = column.Name
			}
			whole := "SELECT " + quoted(names) + " FROM otel." + table + " ORDER BY ALL"
			both := "SELECT * FROM (SELECT " + quoted(names) + " FROM shard_a." + table +
				" UNION ALL SELECT " + quoted(names) + " FROM shard_b." + table + ") ORDER BY ALL"
			assert.Equal(t, db.print(t, whole), db.print(t, both), table)
			a, b := db.number(t, "SELECT count() FROM shard_a."+table), db.number(t, "SELECT count() FROM shard_b."+table)
			assert.Equal(t, int64(a+b), p.counter(t, "rows_written", "table")[table])
			t.Logf("%s: %d rows on one shard, %d on the other", table, a, b)
		}
	}
}

// TestProfilesAreNotSpread: a pipeline of profiles is refused with the key's name.
func TestProfilesAreNotSpread(t *testing.T) {
	cfg := over(configFor("127.0.0.1:1"), "tcp://127.0.0.1:1/a", "tcp://127.0.0.1:1/b")
	_, err := signals()["profiles"](t.Context(), settings(), cfg)
	require.ErrorContains(t, err, "sharding.shards: profiles are not spread over shards")
}

// byShard sums a counter of the exporter's by its attribute shard.
func (p probe) byShard(t *testing.T, name string) map[string]int64 {
	t.Helper()
	metric, err := p.telemetry.GetMetric("otelcol_exporter_clickhouse_" + name)
	require.NoError(t, err)
	sums := map[string]int64{}
	for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
		value, _ := point.Attributes.Value("shard")
		sums[value.AsString()] += point.Value
	}
	return sums
}

// TestAShardThatIsAway stops one of two servers under load, and kills it within:
// what belongs to the other is stored meanwhile, and each span once.
func TestAShardThatIsAway(t *testing.T) {
	const requests, spans = 30, 40
	one, other := enginetest.StartAt(t, t.TempDir()), enginetest.StartAt(t, t.TempDir())
	cfg := over(patient(""), "tcp://"+one.Endpoint, "tcp://"+other.Endpoint)
	cfg.QueueSettings.Get().NumConsumers = requests // each of them waits for the shard that is away
	p, consume := startTraces(t, cfg)
	at := func(from int) (here int) { // the spans of the first shard from there on
		for n := from; n < requests*spans; n += spans {
			here += shard.NewSplitter(shard.TraceID, 2).Traces(numbered(n, spans))[0].SpanCount()
		}
		return here
	}
	for request := range requests {
		switch request {
		case requests / 3:
			connect(t, other.Endpoint).eventually(t, request*spans-at(0)+at(request*spans), "SELECT count() FROM otel.otel_traces")
			other.Kill(t)
		case 2 * requests / 3:
			connect(t, one.Endpoint).eventually(t, at(0)-at(request*spans), "SELECT uniqExact(SpanId) FROM otel.otel_traces")
			other.Restart(t)
		}
		require.NoError(t, consume(t.Context(), numbered(request*spans, spans)))
	}
	first, second := connect(t, one.Endpoint), connect(t, other.Endpoint)
	first.eventually(t, at(0), "SELECT count() FROM otel.otel_traces")
	second.eventually(t, requests*spans-at(0), "SELECT count() FROM otel.otel_traces")
	p.stop()
	assert.Equal(t, at(0), first.number(t, "SELECT count() FROM otel.otel_traces"), "each once")
	assert.Equal(t, requests*spans-at(0), second.number(t, "SELECT count() FROM otel.otel_traces"))
	assert.Equal(t, map[string]int64{"0": int64(at(0)), "1": int64(requests*spans - at(0))}, p.byShard(t, "rows_written"))
	assert.Equal(t, map[string]int64{"": requests * spans}, p.byShard(t, "rows_received"))
	assert.Equal(t, map[string]int64{"": 0}, p.byShard(t, "rows_queued"))
	failed := p.byShard(t, "insert_failures")
	assert.Zero(t, failed["0"], "the shard that was there")
	t.Logf("%d spans: %v written, %v failed inserts", requests*spans, p.byShard(t, "rows_written"), failed)
}

// TestAReplicaTakesOver has the first server of a shard away: the second has the
// rows.
func TestAReplicaTakesOver(t *testing.T) {
	endpoint := enginetest.Start(t)
	closed := closedEndpoint(t)
	cfg := over(synchronous(""), "tcp://"+endpoint+"/shard_a", closed+","+endpoint+"/shard_b")
	cfg.Database = "default"
	p := start(t, "traces", cfg)
	require.NoError(t, p.send(t.Context()))
	db := connect(t, endpoint)
	assert.Equal(t, 4, db.number(t, "SELECT (SELECT count() FROM shard_a.otel_traces) + (SELECT count() FROM shard_b.otel_traces)"))
}

// TestARequestIsStoredOnceOnItsShards stores a request, and again as the Collector
// would that was killed before it heard of it.
func TestARequestIsStoredOnceOnItsShards(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	accepted := identified(t.Context(), newIdentities().next())
	for range 3 { // lives of a Collector
		cfg := over(persistent(synchronous(endpoint)), "tcp://"+endpoint+"/shard_a", "tcp://"+endpoint+"/shard_b")
		cfg.Database = "default"
		s, err := newSharded(settings(), cfg, createTracesShard, shard.Splitter.Traces, emptyTraces)
		require.NoError(t, err)
		require.NoError(t, s.first().start(t.Context(), componenttest.NewNopHost()))
		ctx, span := deliveryProvider{noop.NewTracerProvider(), s.first()}.Tracer("").Start(accepted, "")
		for range 2 { // the second attempt finds nothing left to do
			require.NoError(t, s.push(ctx, rowstest.Traces()))
		}
		span.End()
		require.NoError(t, s.first().shutdown(t.Context()))
	}
	for table, want := range map[string]int{"otel_traces": 4, "otel_traces_trace_id_ts": 1} {
		assert.Equal(t, want, db.number(t, fmt.Sprintf("SELECT (SELECT count() FROM shard_a.%s) + (SELECT count() FROM shard_b.%[1]s)", table)), table)
	}
}
