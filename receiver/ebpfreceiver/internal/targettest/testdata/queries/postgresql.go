// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// servePostgreSQL serves one row to each query that selects, an error to those
// that say fail, and takes 20 ms for those that say slow.
func servePostgreSQL() (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				s := session{backend: pgproto3.NewBackend(conn, conn), status: 'I', statements: map[string]string{}}
				if err := s.serve(); err != nil {
					fmt.Fprintln(os.Stderr, err)
				}
			}()
		}
	}()
	return listener.Addr().String(), nil
}

type session struct {
	backend    *pgproto3.Backend
	status     byte
	statements map[string]string
	portal     string
	failed     bool // until the next Sync
}

func (s *session) serve() error {
	if _, err := s.backend.ReceiveStartupMessage(); err != nil {
		return err
	}
	s.backend.Send(&pgproto3.AuthenticationOk{})
	s.backend.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: 1})
	s.ready()
	for {
		if err := s.backend.Flush(); err != nil {
			return err
		}
		message, err := s.backend.Receive()
		if err != nil {
			return err
		}
		if _, ends := message.(*pgproto3.Terminate); ends {
			return nil
		}
		s.answer(message)
	}
}

func (s *session) answer(message pgproto3.FrontendMessage) {
	if _, sync := message.(*pgproto3.Sync); s.failed && !sync {
		return
	}
	switch m := message.(type) {
	case *pgproto3.Query:
		s.describe(m.String)
		s.execute(m.String)
		s.ready()
	case *pgproto3.Parse:
		s.statements[m.Name] = m.Query
		s.backend.Send(&pgproto3.ParseComplete{})
	case *pgproto3.Describe:
		text := s.statements[m.Name]
		if m.ObjectType == 'P' {
			text = s.portal
		} else {
			s.backend.Send(&pgproto3.ParameterDescription{ParameterOIDs: make([]uint32, strings.Count(text, "$"))})
		}
		if !s.describe(text) {
			s.backend.Send(&pgproto3.NoData{})
		}
	case *pgproto3.Bind:
		s.portal = s.statements[m.PreparedStatement]
		s.backend.Send(&pgproto3.BindComplete{})
	case *pgproto3.Execute:
		s.execute(s.portal)
	case *pgproto3.Close:
		s.backend.Send(&pgproto3.CloseComplete{})
	case *pgproto3.Sync:
		s.ready()
	}
}

func (s *session) ready() {
	s.failed = false
	s.backend.Send(&pgproto3.ReadyForQuery{TxStatus: s.status})
}

const textOID = 25

func (s *session) describe(text string) (rows bool) {
	if rows = strings.HasPrefix(strings.ToLower(text), "select"); rows {
		s.backend.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{
			{Name: []byte("a"), DataTypeOID: textOID, DataTypeSize: -1, TypeModifier: -1},
		}})
	}
	return rows
}

func (s *session) execute(text string) {
	word, _, _ := strings.Cut(strings.ToUpper(text), " ")
	if strings.Contains(text, "slow") {
		time.Sleep(20 * time.Millisecond)
	}
	switch {
	case strings.Contains(text, "fail"):
		s.failed = true
		s.backend.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "42P01", Message: "no such table"})
		return
	case word == "BEGIN":
		s.status = 'T'
	case word == "COMMIT", word == "ROLLBACK":
		s.status = 'I'
	case word == "SELECT":
		s.backend.Send(&pgproto3.DataRow{Values: [][]byte{[]byte("1")}})
	}
	s.backend.Send(&pgproto3.CommandComplete{CommandTag: []byte(word + " 1")})
}
