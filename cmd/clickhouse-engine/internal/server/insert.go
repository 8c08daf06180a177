// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/chdb"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/native"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/statement"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/wire"
)

// insert answers an INSERT with the columns that it takes, then stores the
// blocks that the client sends.
func (c *client) insert(query wire.Query, insert statement.Insert) error {
	columns, err := c.columns(insert)
	if err != nil {
		return c.exception(err)
	}
	stream, err := c.session.StreamInsert(insert.Body, "Native")
	if err != nil {
		return c.exception(err)
	}
	defer stream.Close()
	if columns == nil {
		return c.exception(notImplemented("the columns of " + insert.Body))
	}
	if err := c.out.Data(native.AppendHeader(nil, columns), compressionOf(query)); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	return c.store(query, stream)
}

// store appends the client's blocks to an INSERT until the empty one, then
// commits it. The client hears of success only after the commit.
func (c *client) store(query wire.Query, stream *chdb.Insert) error {
	data := &appender{stream: stream}
	rows := uint64(0)
	for {
		block, cancelled, err := c.nextBlock(query, data)
		switch {
		case data.refusal != nil:
			return errors.Join(err, c.refuse(query, data.refusal, err != nil || block.End()))
		case err != nil:
			return errors.Join(err, c.exception(c.unfinished(err)), c.flush())
		case cancelled:
			return c.out.EndOfStream()
		}
		if block.End() {
			break
		}
		rows += block.Rows
	}
	if rows == 0 {
		return c.out.EndOfStream()
	}
	result, err := stream.Commit()
	if err != nil {
		return c.exception(err)
	}
	if err := c.out.Progress(0, 0, result.RowsWritten, result.BytesWritten); err != nil {
		return err
	}
	return c.out.EndOfStream()
}

// refuse tells the client at once why the engine refused its data, then reads
// over the blocks that are still on their way, unless they ended.
func (c *client) refuse(query wire.Query, cause error, ended bool) error {
	if err := errors.Join(c.exception(cause), c.flush()); err != nil {
		return err
	}
	for !ended {
		next, err := c.in.Peek()
		if err != nil {
			return err
		}
		if proto.ClientCode(next) != proto.ClientCodeData {
			return nil // the client has heard
		}
		block, _, err := c.nextBlock(query, io.Discard)
		if err != nil {
			return err
		}
		ended = block.End()
	}
	return nil
}

// unfinished is what the client hears of an INSERT whose data did not come
// whole. Only data that makes no sense is to blame on the rows; a client that
// hears of anything else may send the same ones again.
func (c *client) unfinished(cause error) error {
	if c.stopped.Err() != nil {
		return aborted("clickhouse-engine stops, and stored nothing of this INSERT")
	}
	code := int32(codeIncorrectData)
	if c.in.Broken() != nil {
		code = codeNetworkError
	}
	return &chdb.Error{Code: code, Name: exceptionName, Message: "DB::Exception: " + cause.Error()}
}

// nextBlock reads the next data packet into dst, or finds that the client
// cancels.
func (c *client) nextBlock(query wire.Query, dst io.Writer) (block wire.Block, cancelled bool, err error) {
	if err := c.waitAtMost(c.server.config.TransferTimeout); err != nil {
		return wire.Block{}, false, err
	}
	code, err := c.in.Code()
	if err != nil {
		return wire.Block{}, false, err
	}
	switch proto.ClientCode(code) {
	case proto.ClientCodeCancel:
		return wire.Block{}, true, nil
	case proto.ClientCodeData:
		block, err = c.in.Data(query.Compressed, dst)
		return block, false, err
	}
	return wire.Block{}, false, fmt.Errorf("packet %d comes inside an INSERT, not its data", code)
}

// appender passes the bytes of blocks to an INSERT. After the engine refused
// some, it takes the rest and drops them, so that the end of the block is
// still found.
type appender struct {
	stream  *chdb.Insert
	refusal error
}

func (a *appender) Write(p []byte) (int, error) {
	if a.refusal == nil {
		a.refusal = a.stream.Append(p)
	}
	return len(p), nil
}

// columns finds the names and types that an INSERT takes. They are nil when
// it names a column that the table does not have.
func (c *client) columns(insert statement.Insert) ([]native.Column, error) {
	target := insert.Target
	if rest, ok := cutWord(target, "FUNCTION"); ok {
		target = rest
	}
	result, err := c.session.Query("DESCRIBE TABLE "+target, "JSONCompactEachRow")
	if err != nil {
		return nil, err
	}
	var all []native.Column
	byName := map[string]native.Column{}
	for decoder := json.NewDecoder(bytes.NewReader(result.Data)); decoder.More(); {
		var row []string
		if err := decoder.Decode(&row); err != nil || len(row) < 3 {
			return nil, fmt.Errorf("reading the columns of %s: %v: %w", target, row, err)
		}
		column := native.Column{Name: row[0], Type: row[1]}
		byName[column.Name] = column
		if kind := row[2]; kind == "" || kind == "DEFAULT" {
			all = append(all, column)
		}
	}
	if insert.Columns == nil {
		return all, nil
	}
	named := make([]native.Column, 0, len(insert.Columns))
	for _, name := range insert.Columns {
		column, ok := byName[name]
		if !ok {
			return nil, nil
		}
		named = append(named, column)
	}
	return named, nil
}

// cutWord cuts a word and the white space behind it off the start of text.
func cutWord(text, word string) (string, bool) {
	if len(text) <= len(word) || !strings.EqualFold(text[:len(word)], word) {
		return text, false
	}
	return strings.TrimSpace(text[len(word):]), true
}
