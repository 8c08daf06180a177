// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap/zaptest"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

// patience bounds what a test waits for, on a machine with better things to do.
const patience = time.Minute

// synchronous is a configuration without queue and retry, in which Consume
// returns when the data is stored, or why it is not.
func synchronous(endpoint string) *Config {
	cfg := configFor("tcp://" + endpoint)
	cfg.QueueSettings = configoptional.None[exporterhelper.QueueBatchConfig]()
	cfg.BackOffConfig.Enabled = false
	cfg.TimeoutSettings.Timeout = patience
	return cfg
}

// probe is a running exporter and its telemetry.
type probe struct {
	running
	telemetry *componenttest.Telemetry
	// stop shuts the exporter down before the test's end does.
	stop func()
}

// start runs the exporter of a signal until the test ends.
func start(t *testing.T, signal string, cfg *Config) probe {
	t.Helper()
	return startWith(t, signal, cfg, componenttest.NewNopHost())
}

// startWith is start with a host of the test's.
func startWith(t *testing.T, signal string, cfg *Config, host component.Host) probe {
	t.Helper()
	p := probe{telemetry: componenttest.NewTelemetry()}
	set := settings()
	set.TelemetrySettings = p.telemetry.NewTelemetrySettings()
	set.Logger = zaptest.NewLogger(t)
	var err error
	p.running, err = signals()[signal](t.Context(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), host))
	p.stop = sync.OnceFunc(func() { require.NoError(t, p.Shutdown(context.Background())) })
	t.Cleanup(func() {
		p.stop()
		require.NoError(t, p.telemetry.Shutdown(context.Background()))
	})
	return p
}

// counter sums the data points of one of the exporter's counters, by one of
// their attributes.
func (p probe) counter(t *testing.T, name, by string) map[string]int64 {
	t.Helper()
	metric, err := p.telemetry.GetMetric("otelcol_exporter_clickhouse_" + name)
	if err != nil {
		return map[string]int64{} // nothing was counted yet
	}
	sums := map[string]int64{}
	for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
		value, _ := point.Attributes.Value("reason")
		if by != "reason" {
			value, _ = point.Attributes.Value("table")
		}
		sums[value.AsString()] += point.Value
	}
	return sums
}

// database is a connection of another client to the engine.
type database struct{ driver.Conn }

func connect(t *testing.T, endpoint string) database {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{endpoint}, DialTimeout: patience})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return database{conn}
}

func (d database) exec(t *testing.T, statement string) {
	t.Helper()
	require.NoError(t, d.Exec(t.Context(), statement))
}

// number is the single number that a query returns.
func (d database) number(t *testing.T, query string) int {
	t.Helper()
	var n uint64
	require.NoError(t, d.QueryRow(t.Context(), query).Scan(&n))
	return int(n)
}

// print reads rows and prints them, see rowstest.
func (d database) print(t *testing.T, query string) string {
	t.Helper()
	rows, err := d.Query(t.Context(), query)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var printed []string
	for rows.Next() {
		pointers := make([]any, len(rows.ColumnTypes()))
		for i, column := range rows.ColumnTypes() {
			pointers[i] = reflect.New(column.ScanType()).Interface()
		}
		require.NoError(t, rows.Scan(pointers...))
		values := make([]any, len(pointers))
		for i, pointer := range pointers {
			values[i] = reflect.ValueOf(pointer).Elem().Interface()
		}
		printed = append(printed, rowstest.Row(rows.Columns(), values))
	}
	require.NoError(t, rows.Err())
	return rowstest.Join(printed)
}

// quoted is a list of column names for a query.
func quoted(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }
