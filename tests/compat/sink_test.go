// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// sink is a server that takes every INSERT and drops its data unread, so that
// what a benchmark measures is the exporter.
type sink struct {
	conn   net.Conn
	reader *proto.Reader
	types  tableTypes
}

// tableTypes is the types of columns, by table and name.
type tableTypes map[string]map[string]string

// serveSink serves until the listener is closed.
func serveSink(listener net.Listener, types tableTypes) error {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go func() {
			defer func() { _ = conn.Close() }()
			s := sink{conn, proto.NewReader(conn), types}
			for {
				if err := s.packet(); err != nil {
					if !errors.Is(err, io.EOF) {
						fmt.Println("sink:", err)
					}
					return
				}
			}
		}()
	}
}

func (s *sink) packet() error {
	code, err := s.reader.UVarInt()
	if err != nil {
		return err
	}
	var answer proto.Buffer
	switch proto.ClientCode(code) {
	case proto.ClientCodeHello:
		var hello proto.ClientHello
		if err := hello.Decode(s.reader); err != nil {
			return fmt.Errorf("read hello: %w", err)
		}
		welcome := proto.ServerHello{Name: "sink", Major: 26, Minor: 7, Revision: serverRevision, Timezone: "UTC"}
		welcome.EncodeAware(&answer, serverRevision)
	case proto.ClientCodePing:
		proto.ServerCodePong.Encode(&answer)
	case proto.ClientCodeQuery:
		return s.query()
	default:
		return fmt.Errorf("packet %d was not expected", code)
	}
	_, err = s.conn.Write(answer.Buf)
	return err
}

// query answers an INSERT with the types of its columns, drops the data, and
// answers questions for a table's columns. Everything else succeeds.
func (s *sink) query() error {
	var query proto.Query
	if err := query.DecodeAware(s.reader, serverRevision); err != nil {
		return fmt.Errorf("read a query: %w", err)
	}
	compressed := query.Compression == proto.CompressionEnabled
	if err := s.endOfTables(compressed); err != nil {
		return err
	}
	var answer proto.Buffer
	var columns []proto.InputColumn
	switch {
	case strings.HasPrefix(query.Body, "INSERT"):
		table := s.types[intoTable.FindStringSubmatch(query.Body)[1]]
		for _, name := range columnsOf(query.Body) {
			columns = append(columns, proto.InputColumn{Name: name, Data: header(table[name])})
		}
	case strings.HasPrefix(query.Body, "DESC TABLE"):
		names := new(proto.ColStr)
		names.Append("EventName")
		for _, name := range []string{
			"name", "type", "default_type", "default_expression", "comment", "codec_expression", "ttl_expression",
		} {
			columns = append(columns, proto.InputColumn{Name: name, Data: names})
		}
	case strings.Contains(query.Body, "FROM system.columns"):
		names, kinds := new(proto.ColStr), new(proto.ColStr)
		for name, kind := range s.types[ofTable.FindStringSubmatch(query.Body)[1]] {
			names.Append(name)
			kinds.Append(kind)
		}
		columns = []proto.InputColumn{{Name: "name", Data: names}, {Name: "type", Data: kinds}}
	}
	if len(columns) > 0 {
		if err := s.send(columns, compressed); err != nil {
			return err
		}
	}
	if strings.HasPrefix(query.Body, "INSERT") {
		if err := s.drop(); err != nil {
			return err
		}
	}
	proto.ServerCodeEndOfStream.Encode(&answer)
	_, err := s.conn.Write(answer.Buf)
	return err
}

// ofTable finds the table of a question for its columns.
var ofTable = regexp.MustCompile("table = '(\\w+)'")

// endOfTables reads the empty block that follows each query.
func (s *sink) endOfTables(compressed bool) error {
	if _, err := s.reader.UVarInt(); err != nil {
		return fmt.Errorf("read a packet's code: %w", err)
	}
	if _, err := s.reader.Str(); err != nil {
		return fmt.Errorf("read an external table's name: %w", err)
	}
	if compressed {
		s.reader.EnableCompression()
		defer s.reader.DisableCompression()
	}
	var block proto.Block
	if err := block.DecodeBlock(s.reader, serverRevision, nil); err != nil {
		return fmt.Errorf("read the empty block: %w", err)
	}
	return nil
}

func (s *sink) send(columns []proto.InputColumn, compressed bool) error {
	var raw, answer proto.Buffer
	block := proto.Block{Columns: len(columns), Rows: columns[0].Data.Rows(), Info: proto.BlockInfo{BucketNum: -1}}
	if err := block.EncodeBlock(&raw, serverRevision, columns); err != nil {
		return fmt.Errorf("encode a block: %w", err)
	}
	proto.ServerCodeData.Encode(&answer)
	answer.PutString("")
	if compressed {
		writer := compress.NewWriter(0, compress.LZ4)
		if err := writer.Compress(raw.Buf); err != nil {
			return fmt.Errorf("compress a block: %w", err)
		}
		raw.Buf = writer.Data
	}
	answer.PutRaw(raw.Buf)
	_, err := s.conn.Write(answer.Buf)
	return err
}

// drop reads data until the block without columns that ends it. Such a block is
// too short to be compressed: its bytes are the last ones, but for a checksum,
// that the client sends before it waits for the answer.
func (s *sink) drop() error {
	buffer := make([]byte, 1<<18)
	var tail []byte
	for {
		n, err := s.conn.Read(buffer)
		if err != nil {
			return err
		}
		tail = append(tail, buffer[max(0, n-64):n]...)
		tail = tail[max(0, len(tail)-64):]
		if endsData(tail) {
			return nil
		}
	}
}

// endsData says whether data ends with a packet of a block without columns and
// rows: as it is, or within a frame whose header has its length, behind which a
// checksum may follow.
func endsData(tail []byte) bool {
	for _, bucket := range []string{"\x00\x00\x00\x00", "\xff\xff\xff\xff"} {
		block := "\x01\x00\x02" + bucket + "\x00\x00\x00"
		at := bytes.LastIndex(tail, []byte(block))
		if at < 0 {
			continue
		}
		before, behind := tail[:at], len(tail)-at-len(block)
		if behind == 0 && bytes.HasSuffix(before, []byte{byte(proto.ClientCodeData), 0}) {
			return true
		}
		length := []byte{byte(len(block)), 0, 0, 0}
		if behind <= 4 && bytes.Contains(before[max(0, len(before)-20):], length) {
			return true
		}
	}
	return false
}

// header is a column of that type without rows.
type header proto.ColumnType

func (h header) Type() proto.ColumnType         { return proto.ColumnType(h) }
func (header) Rows() int                        { return 0 }
func (header) EncodeColumn(*proto.Buffer)       {}
func (header) WriteColumn(writer *proto.Writer) {}

// columnsOf is the columns that an INSERT names.
func columnsOf(insert string) []string {
	list := insert[strings.Index(insert, "(")+1 : strings.Index(insert, ")")]
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		names = append(names, string(bytes.Trim([]byte(name), " \n`")))
	}
	return names
}
