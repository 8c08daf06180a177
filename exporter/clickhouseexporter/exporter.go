// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/deadletter"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/metadata"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// inserter is what the exporters of all signals share: a client, the schema
// that must exist before the first row, and the one way a block is inserted.
type inserter struct {
	config    *Config
	schema    schema.Schema
	client    *client.Client
	gate      *gate
	telemetry *metadata.TelemetryBuilder
	logger    *zap.Logger
	// optional are the columns that tables may not have, by table.
	optional map[string]*optionalColumns
	// account is what became of the rows.
	account *account
	// product is the Collector's name and version.
	product string
	// id is the exporter's.
	id string
	// letters takes rows that were refused; nil where nothing does.
	letters deadLetters
	// shard is its number, empty where there are none.
	shard string
	// others are the inserters of the other shards, which start and end with the
	// first one's.
	others []*inserter
	// identities are those of the requests that come.
	identities identities
	// pressure holds inserts back while ClickHouse is overloaded.
	pressure pressure
	// stopping is set once the exporter shuts down.
	stopping atomic.Bool
	// maxBlock is how many bytes go into one block.
	maxBlock int
	// digesters are kept for reuse.
	digesters *kept[*rows.Digester]
}

// newInserter makes an inserter whose gate prepares the tables by prepare.
func newInserter(set exporter.Settings, config *Config, signal string, prepare func(context.Context, *inserter) error) (*inserter, error) {
	product := set.BuildInfo.Command + "/" + set.BuildInfo.Version
	target, err := config.target(product)
	if err != nil {
		return nil, err
	}
	account := newAccount(set.ID.String(), signal)
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings, account.observe)
	if err != nil {
		return nil, fmt.Errorf("create telemetry: %w", err)
	}
	i := &inserter{
		config:     config,
		schema:     config.schema(target.database),
		client:     client.New(target.client),
		telemetry:  telemetry,
		account:    account,
		product:    product,
		id:         set.ID.String(),
		optional:   map[string]*optionalColumns{},
		logger:     set.Logger,
		maxBlock:   rows.MaxBlock,
		identities: newIdentities(),
		digesters:  newKept(rows.NewDigester),
	}
	for _, line := range config.warnings {
		set.Logger.Warn(line)
	}
	if key := target.deduplicationOff(); key != "" {
		set.Logger.Warn("with this setting, ClickHouse may store rows twice when an INSERT fails after they were stored",
			zap.String("setting", key))
	}
	i.gate = newGate(func(ctx context.Context) error { return i.prepare(ctx, prepare) }, set.Logger)
	return i, nil
}

// options are those of exporterhelper.
func (i *inserter) options() []exporterhelper.Option {
	return []exporterhelper.Option{
		exporterhelper.WithStart(i.start),
		exporterhelper.WithShutdown(i.shutdown),
		exporterhelper.WithTimeout(i.config.TimeoutSettings),
		exporterhelper.WithQueue(i.config.queue()),
		exporterhelper.WithRetry(i.config.BackOffConfig),
	}
}

// start begins to prepare the tables and does not wait for it: ClickHouse may
// come later than the Collector.
func (i *inserter) start(context.Context, component.Host) error {
	if err := i.openDeadLetters(); err != nil {
		return err
	}
	i.gate.start()
	for _, other := range i.others {
		other.letters = i.letters
		other.gate.start()
	}
	return nil
}

func (i *inserter) shutdown(context.Context) error {
	for _, one := range append([]*inserter{i}, i.others...) {
		one.gate.stop()
		one.client.Close()
	}
	if i.letters == nil {
		return nil
	}
	return i.letters.Close()
}

// prepare makes sure of the database and the signal's tables.
func (i *inserter) prepare(ctx context.Context, tables func(context.Context, *inserter) error) error {
	err := i.create(ctx, i.schema.CreateDatabase)
	if err == nil {
		err = i.createRecords(ctx)
	}
	if err == nil {
		err = tables(ctx, i)
	}
	if err != nil {
		i.telemetry.SchemaFailures.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", client.Reason(err))))
		return explainPrepare(fmt.Errorf("prepare the tables in ClickHouse: %w", err))
	}
	return nil
}

// create runs the statements that create the database or a signal's tables,
// unless the configuration leaves that to the user.
func (i *inserter) create(ctx context.Context, render func() ([]string, error)) error {
	if !i.config.CreateSchema {
		return nil
	}
	statements, err := render()
	if err != nil {
		return err
	}
	return i.client.Execute(ctx, statements...)
}

// insert writes one block's columns to a table and counts what became of the
// rows, of which excerpt tells those that are refused. It does nothing for a block
// without rows. Columns that are too large for one block are inserted in parts;
// those that earlier attempts at the delivery are done with are left out.
func (i *inserter) insert(ctx context.Context, d *delivery, table string, input proto.Input, corrected rows.Corrections, excerpt deadletter.Excerpt) error {
	if input[0].Data.Rows() == 0 {
		return nil
	}
	lacking := i.lacking(table)
	done := d.progress(table)
	first := 0
	for n, part := range rows.Split(input, i.maxBlock) {
		// Cut with all columns: the parts are the same once the table lacks one.
		p := portion{table: table, n: n, first: first, input: rows.Without(part, lacking), excerpt: excerpt}
		first += p.rows()
		if n < done.parts {
			continue
		}
		if err := i.insertPart(ctx, d, p, &done.part); err != nil {
			return err
		}
		done.refused = errors.Join(done.refused, i.verdict(table, &done.part))
		done.part = search{}
		done.parts = n + 1
	}
	if done.refused == nil && !done.complete {
		done.complete = true
		i.countCorrections(ctx, table, corrected)
	}
	return done.refused
}

// settingsOf are the settings of the INSERT of a unit of rows: those with which
// ClickHouse stores it once, however often it is sent, and so what the views
// of the table make of it. Without a token, a table that has a window would take
// other rows that are the same for a repetition. It is told too how many bytes
// the unit has.
func (i *inserter) settingsOf(d *delivery, unit string, input proto.Input) ([]ch.Setting, int, error) {
	defer d.spend(phaseEncode, time.Now())
	digester := i.digesters.take()
	defer i.digesters.put(digester)
	digest, bytes, err := digester.Digest(input)
	if err != nil {
		return nil, 0, err
	}
	settings := []ch.Setting{
		{Key: "insert_deduplication_token", Value: d.token(unit, digest), Important: true},
		{Key: "deduplicate_blocks_in_dependent_materialized_views", Value: "1", Important: true},
	}
	if i.config.Distributed.Enabled && !i.config.sharded() {
		// The answer comes when the shards have the rows; the name that old servers
		// know, too.
		settings = append(settings, ch.Setting{Key: "insert_distributed_sync", Value: "1", Important: true})
	}
	return settings, bytes, nil
}

// insertUnit inserts rows by one INSERT, whose token the unit's name goes into.
func (i *inserter) insertUnit(ctx context.Context, d *delivery, table, unit string, input proto.Input, more ...ch.Setting) error {
	if pause := i.pressure.admit(time.Now()); pause > 0 {
		return exporterhelper.NewThrottleRetry(errOverloaded, pause)
	}
	settings, bytes, err := i.settingsOf(d, unit, input)
	if err != nil {
		i.pressure.undecided()
		return err
	}
	count := input[0].Data.Rows()
	byTable := metric.WithAttributes(i.place(table).attributes()...)
	sent := time.Now()
	err = i.client.Insert(ctx, schema.Identifier(i.schema.Database, i.into(table)), input, append(settings, more...)...)
	d.spend(phaseSend, sent)
	if err == nil {
		i.pressure.fall()
		d.settled(count)
		i.account.write(i.place(table), count)
		i.telemetry.Inserts.Add(ctx, 1, byTable)
		i.telemetry.Bytes.Add(ctx, int64(bytes), byTable)
		return nil
	}

	byReason := metric.WithAttributes(append(i.place(table).attributes(), attribute.String("reason", client.Reason(err)))...)
	i.telemetry.InsertFailures.Add(ctx, 1, byReason)
	err = fmt.Errorf("insert %d rows into %s: %w", count, table, err)
	if client.Overloaded(err) {
		pause := i.pressure.rise(time.Now())
		i.logger.Warn("ClickHouse is overloaded: all inserts pause", zap.Error(err), zap.Duration("pause", pause))
		return exporterhelper.NewThrottleRetry(err, pause)
	}
	i.pressure.undecided()
	if client.Missing(err) || i.lostOptional(ctx, table, err, input) {
		// Somebody dropped the table, or made it anew: the next attempt creates it
		// again, or looks at it.
		i.gate.shut()
		return err
	}
	if client.Permanent(err) {
		return consumererror.NewPermanent(err)
	}
	return explain(err)
}

var errOverloaded = errors.New("ClickHouse said that it is overloaded; inserts pause")

// explain says what to do about an error of an INSERT that is not the rows' and
// that waiting alone does not mend.
func explain(err error) error {
	if !client.Misconfigured(err) {
		return err
	}
	return fmt.Errorf("the query is at fault, not its rows: mend the settings in endpoint and connection_params, "+
		"which go with each query, or the server: %w", err)
}

// explainPrepare is explain for an error of the statements that create the
// tables, which hold the text of table_engine as it stands.
func explainPrepare(err error) error {
	if !client.BadSyntax(err) {
		return explain(err)
	}
	return fmt.Errorf("ClickHouse does not understand a statement that creates the tables: mend table_engine.name and "+
		"table_engine.params, or the settings in endpoint and connection_params, which go with each statement: %w", err)
}

func (i *inserter) countCorrections(ctx context.Context, table string, corrected rows.Corrections) {
	for reason, n := range corrected {
		if n > 0 {
			i.countCorrected(ctx, table, rows.Correction(reason).String(), n)
		}
	}
}

func (i *inserter) countCorrected(ctx context.Context, table, reason string, n int64) {
	i.telemetry.ValuesCorrected.Add(ctx, n,
		metric.WithAttributes(attribute.String("table", table), attribute.String("reason", reason)))
}
