// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"
)

// scripted is a server that answers what a test wants, for what the embedded
// engine can not run: ON CLUSTER, ReplicatedMergeTree and Distributed. Statements
// succeed, and return nothing unless the script has an answer.
type scripted struct {
	endpoint string
	// script is the columns that a statement returns; of an INSERT, without rows.
	script func(statement string) proto.Input

	mu         sync.Mutex
	statements []proto.Query
}

// scriptedRevision is the last before extra packets, as clickhouse-engine's.
const scriptedRevision = 54453

// startScripted serves until the test ends. Clients must not compress.
func startScripted(t *testing.T, script func(string) proto.Input) *scripted {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &scripted{endpoint: listener.Addr().String(), script: script}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it was closed
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }()
				reader := proto.NewReader(conn)
				for s.packet(conn, reader) == nil {
				}
			})
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		serving.Wait()
	})
	return s
}

func (s *scripted) packet(conn net.Conn, reader *proto.Reader) error {
	code, err := reader.UVarInt()
	if err != nil {
		return err
	}
	var answer proto.Buffer
	switch proto.ClientCode(code) {
	case proto.ClientCodeHello:
		var hello proto.ClientHello
		if err := hello.Decode(reader); err != nil {
			return err
		}
		welcome := proto.ServerHello{Name: "scripted", Major: 26, Minor: 7, Revision: scriptedRevision, Timezone: "UTC"}
		welcome.EncodeAware(&answer, scriptedRevision)
	case proto.ClientCodePing:
		proto.ServerCodePong.Encode(&answer)
	case proto.ClientCodeQuery:
		return s.query(conn, reader)
	default:
		return fmt.Errorf("packet %d was not expected", code)
	}
	_, err = conn.Write(answer.Buf)
	return err
}

func (s *scripted) query(conn net.Conn, reader *proto.Reader) error {
	var query proto.Query
	if err := query.DecodeAware(reader, scriptedRevision); err != nil {
		return err
	}
	if err := readEmpty(reader); err != nil {
		return err
	}
	s.mu.Lock()
	s.statements = append(s.statements, query)
	s.mu.Unlock()
	var answer proto.Buffer
	if columns := s.script(query.Body); columns != nil {
		block := proto.Block{Columns: len(columns), Rows: columns[0].Data.Rows(), Info: proto.BlockInfo{BucketNum: -1}}
		proto.ServerCodeData.Encode(&answer)
		answer.PutString("")
		if err := block.EncodeBlock(&answer, scriptedRevision, columns); err != nil {
			return err
		}
	}
	if strings.HasPrefix(query.Body, "INSERT") {
		if _, err := conn.Write(answer.Buf); err != nil {
			return err
		}
		answer.Reset()
		if err := dropData(conn); err != nil {
			return err
		}
	}
	proto.ServerCodeEndOfStream.Encode(&answer)
	_, err := conn.Write(answer.Buf)
	return err
}

// readEmpty reads the empty block that follows each query.
func readEmpty(reader *proto.Reader) error {
	if _, err := reader.UVarInt(); err != nil {
		return err
	}
	if _, err := reader.Str(); err != nil {
		return err
	}
	var block proto.Block
	return block.DecodeBlock(reader, scriptedRevision, nil)
}

// dropData reads what a client sends after it was told of the columns, up to the
// empty block.
func dropData(conn net.Conn) error {
	// Data of no name, its info as ch-go writes it, no columns and no rows.
	const empty = "\x02\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00\x00"
	const other = "\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x00\x00"
	var tail []byte
	buffer := make([]byte, 1<<16)
	for string(tail) != empty && string(tail) != other {
		n, err := conn.Read(buffer)
		if err != nil {
			return err
		}
		tail = append(tail, buffer[:n]...)
		tail = tail[max(0, len(tail)-len(empty)):]
	}
	return nil
}

// said is the statements that were sent, without those that ask, each once.
func (s *scripted) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	seen := map[string]bool{}
	for _, query := range s.statements {
		if !strings.HasPrefix(query.Body, "SELECT") && !seen[query.Body] {
			seen[query.Body] = true
			all = append(all, query.Body)
		}
	}
	return all
}

// settingsOf are the settings of the statement that begins so.
func (s *scripted) settingsOf(prefix string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	settings := map[string]string{}
	for _, query := range s.statements {
		if strings.HasPrefix(query.Body, prefix) {
			for _, setting := range query.Settings {
				settings[setting.Key] = setting.Value
			}
		}
	}
	return settings
}
