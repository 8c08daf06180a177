// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"github.com/stretchr/testify/require"
)

// recorder is a proxy in front of ClickHouse that keeps what clients send.
type recorder struct {
	endpoint string
	upstream string

	mu      sync.Mutex
	streams []*stream
	work    sync.WaitGroup
}

// stream is what one connection's client sent.
type stream struct {
	mu   sync.Mutex
	sent bytes.Buffer
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent.Write(p)
}

// record starts a proxy that ends with the test.
func record(t *testing.T, upstream string) *recorder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &recorder{endpoint: listener.Addr().String(), upstream: upstream}
	r.work.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			r.work.Go(func() { r.pass(client) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		r.work.Wait()
	})
	return r
}

// pass moves bytes both ways until the client hangs up.
func (r *recorder) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", r.upstream)
	if err != nil {
		return // the client sees that its connection is closed
	}
	defer func() { _ = server.Close() }()
	s := new(stream)
	r.mu.Lock()
	r.streams = append(r.streams, s)
	r.mu.Unlock()
	var answers sync.WaitGroup
	answers.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
	_, _ = io.Copy(server, io.TeeReader(client, s))
	_ = server.Close()
	answers.Wait()
}

// blocks is the blocks that were inserted into each table so far, the smallest
// first: each may come over another connection.
func (r *recorder) blocks(t *testing.T) map[string][][]byte {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string][][]byte{}
	for _, s := range r.streams {
		s.mu.Lock()
		sent := bytes.Clone(s.sent.Bytes())
		s.mu.Unlock()
		require.NoError(t, inserts(sent, func(table string, block []byte) {
			all[table] = append(all[table], block)
		}))
	}
	for _, blocks := range all {
		slices.SortFunc(blocks, func(a, b []byte) int { return cmp.Or(cmp.Compare(len(a), len(b)), bytes.Compare(a, b)) })
	}
	return all
}

// oneByte hands out a byte at a time, so that a reader behind it never reads
// ahead and the place in the stream is known.
type oneByte struct{ *bytes.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }

var intoTable = regexp.MustCompile("^INSERT INTO [\"`]otel[\"`]\\.[\"`](\\w+)[\"`]")

// inserts reads what a client sent, without compression, and calls found with each
// block of an INSERT. Source of the packets: ClickHouse, src/Core/Protocol.h.
func inserts(sent []byte, found func(table string, block []byte)) error {
	raw := oneByte{bytes.NewReader(sent)}
	reader := proto.NewReader(raw)
	version, table := 0, ""
	for {
		code, err := reader.UVarInt()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a packet's code: %w", err)
		}
		switch proto.ClientCode(code) {
		case proto.ClientCodeHello:
			var hello proto.ClientHello
			if err := hello.Decode(reader); err != nil {
				return fmt.Errorf("read hello: %w", err)
			}
			version = min(hello.ProtocolVersion, serverRevision)
		case proto.ClientCodeQuery:
			var query proto.Query
			if err := query.DecodeAware(reader, version); err != nil {
				return fmt.Errorf("read a query: %w", err)
			}
			table = ""
			if match := intoTable.FindStringSubmatch(query.Body); match != nil {
				table = match[1]
			}
		case proto.ClientCodeData:
			if _, err := reader.Str(); err != nil {
				return fmt.Errorf("read an external table's name: %w", err)
			}
			start := len(sent) - raw.Len()
			block := driver.NewBlock()
			if err := block.Decode(reader, uint64(version)); err != nil {
				return fmt.Errorf("read a block: %w", err)
			}
			if table != "" && block.Rows() > 0 {
				found(table, sent[start:len(sent)-raw.Len()])
			}
		case proto.ClientCodePing, proto.ClientCodeCancel:
		default:
			return fmt.Errorf("packet %d is not known", code)
		}
	}
}

// serverRevision is what clickhouse-engine speaks.
const serverRevision = 54453
