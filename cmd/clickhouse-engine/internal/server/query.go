// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/chdb"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/engine"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/native"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/statement"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/wire"
)

// answer runs one query. An error of the query is told to the client; an error
// that it returns ends the connection.
func (c *client) answer(query wire.Query) error {
	external, err := c.external(query)
	if err != nil {
		return err
	}
	if external != "" {
		return c.exception(notImplemented("external table " + external))
	}
	if err := c.session.Apply(settingsOf(query)); err != nil {
		return c.exception(err)
	}
	if insert, ok := statement.ParseInsert(query.Body); ok {
		return c.insert(query, insert)
	}
	failed, err := c.watched(func(cancelled func() bool) error { return c.run(query, cancelled) })
	if err != nil {
		return err
	}
	if failed != nil {
		return c.exception(failed)
	}
	return c.out.EndOfStream()
}

func notImplemented(what string) error {
	return &chdb.Error{Code: codeNotImplemented, Name: exceptionName, Message: "DB::Exception: Not supported by clickhouse-engine: " + what}
}

// external reads the external tables that follow a query; the empty block that
// ends them is always there. It returns the name of one, if any came.
func (c *client) external(query wire.Query) (name string, err error) {
	for {
		code, err := c.in.Code()
		if err != nil {
			return "", err
		}
		if proto.ClientCode(code) != proto.ClientCodeData {
			return "", fmt.Errorf("packet %d follows a query, not its data", code)
		}
		block, err := c.in.Data(query.Compressed, io.Discard)
		if err != nil {
			return "", err
		}
		if block.End() {
			return name, nil
		}
		name = block.Table
	}
}

func settingsOf(query wire.Query) []engine.Setting {
	settings := make([]engine.Setting, 0, len(query.Settings))
	for _, s := range query.Settings {
		value := s.Value
		if s.Custom {
			value = statement.Unquote(value)
		}
		settings = append(settings, engine.Setting{Key: s.Key, Value: value, Optional: !s.Important})
	}
	return settings
}

func compressionOf(query wire.Query) wire.Compression {
	if !query.Compressed {
		return wire.Plain
	}
	for _, s := range query.Settings {
		if s.Key == "network_compression_method" && strings.EqualFold(s.Value, "ZSTD") {
			return wire.ZSTD
		}
	}
	return wire.LZ4
}

// run executes a statement that needs no data of the client, and sends what it
// returns.
func (c *client) run(query wire.Query, cancelled func() bool) error {
	sql := statement.WithoutFormat(query.Body)
	reply := &reply{client: c, compression: compressionOf(query)}
	execute := c.whole
	if statement.IsSelect(sql) {
		execute = c.stream
	}
	if err := execute(sql, reply, cancelled); err != nil {
		return err
	}
	if reply.begun || cancelled() || c.session.Classify(sql) != chdb.ReadOnly {
		return nil
	}
	return c.emptyHeader(sql, reply)
}

// whole sends what a statement returns when it has ended: the engine streams
// nothing but SELECT.
func (c *client) whole(sql string, reply *reply, _ func() bool) error {
	result, err := c.session.Query(sql, "Native")
	if err != nil {
		return err
	}
	return reply.blocks(result)
}

// stream sends the blocks of a query one by one, as the engine makes them.
func (c *client) stream(sql string, reply *reply, cancelled func() bool) error {
	rows, err := c.session.StreamQuery(sql, "Native")
	if err != nil {
		return err
	}
	defer rows.Close()
	for !cancelled() {
		chunk, err := rows.Next()
		if err != nil {
			return err
		}
		if len(chunk.Data) == 0 {
			return nil
		}
		if err := reply.blocks(chunk); err != nil {
			return err
		}
	}
	return errCutOff
}

// errCutOff says that a query had more to send when it was cancelled.
var errCutOff = errors.New("the query was cut off")

// emptyHeader sends the names and types of a query that returned no row: the
// Native format leaves them out, so the query runs once more in one that has
// them.
func (c *client) emptyHeader(sql string, reply *reply) error {
	result, err := c.session.Query(sql, "RowBinaryWithNamesAndTypes")
	if err != nil || len(result.Data) == 0 {
		return err
	}
	columns, err := native.RowBinaryColumns(bytes.NewReader(result.Data))
	if err != nil {
		return fmt.Errorf("reading the columns of an empty result: %w", err)
	}
	return reply.header(columns)
}
