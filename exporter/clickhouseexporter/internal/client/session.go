// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/frames"
)

// session is a connection on which somebody is logged in. Where blocks are
// compressed it sends them itself, in frames: ch-go makes one of a block.
type session struct {
	*ch.Client
	conn        net.Conn
	compression ch.Compression
	level       ch.CompressionLevel
	// frames and columns are made for the first block, and kept.
	frames  *frames.Writer
	buffer  proto.Buffer
	columns *proto.Writer
}

// insert sends a query with a block of rows.
func (s *session) insert(ctx context.Context, query ch.Query, input proto.Input) error {
	query.Input = input
	if s.compression != ch.CompressionDisabled {
		query.Input = announced(input)
		query.OnInput = func(ctx context.Context) error { return s.send(ctx, input) }
	}
	return s.Do(ctx, query)
}

// announced is the columns without rows: ch-go tells them the types of the
// server's, then asks for the rows, and finds that there are none to send.
func announced(input proto.Input) proto.Input {
	columns := make(proto.Input, len(input))
	for i, column := range input {
		columns[i] = proto.InputColumn{Name: column.Name, Data: withoutRows{column.Data}}
	}
	return columns
}

type withoutRows struct{ proto.ColInput }

// Rows is 0.
func (withoutRows) Rows() int { return 0 }

// Infer passes the server's type on.
func (c withoutRows) Infer(server proto.ColumnType) error {
	if inferable, ok := c.ColInput.(proto.Inferable); ok {
		return inferable.Infer(server)
	}
	return nil
}

// send sends a block of rows, and says that it is the last one. ch-go waits
// meanwhile, with nothing of its own to send.
func (s *session) send(ctx context.Context, input proto.Input) error {
	if err := s.makeFrames(); err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return fmt.Errorf("set the deadline of a block: %w", err)
	}
	revision := min(proto.Version, s.ServerInfo().Revision)
	var packet proto.Buffer
	proto.ClientCodeData.Encode(&packet)
	proto.ClientData{}.EncodeAware(&packet, revision)
	s.frames.Plain(packet.Buf)
	block := proto.Block{Columns: len(input), Rows: input[0].Data.Rows(), Info: proto.BlockInfo{BucketNum: -1}}
	if err := block.WriteBlock(s.columns, revision, input); err != nil {
		return fmt.Errorf("encode a block: %w", err)
	}
	if _, err := s.columns.Flush(); err != nil {
		return err
	}
	if err := s.frames.Flush(); err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("set the deadline of a block: %w", err)
	}
	return io.EOF
}

func (s *session) makeFrames() error {
	if s.frames != nil {
		return nil
	}
	methods := map[ch.Compression]compress.Method{
		ch.CompressionLZ4: compress.LZ4, ch.CompressionLZ4HC: compress.LZ4HC, ch.CompressionZSTD: compress.ZSTD,
	}
	writer, err := frames.NewWriter(s.conn, methods[s.compression], compress.Level(s.level))
	if err != nil {
		return err
	}
	s.frames, s.columns = writer, proto.NewWriter(writer, &s.buffer)
	return nil
}
