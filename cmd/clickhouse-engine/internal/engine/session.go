// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/chdb"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/statement"
)

// Session is one client's session: its database, its settings, its temporary
// tables. It runs one statement at a time and is for one goroutine.
type Session struct {
	*chdb.Conn
	tag     string            // names the session's queries to Engine.Kill
	applied map[string]string // settings that the last query brought
}

// Session opens a session in a database, "" for the default one.
func (e *Engine) Session(database string) (*Session, error) {
	conn, err := e.library.Connect(e.path, e.arguments...)
	if err != nil {
		return nil, err
	}
	session := &Session{
		Conn:    conn,
		tag:     fmt.Sprintf("session %d", e.sessions.Add(1)),
		applied: map[string]string{},
	}
	setup := []string{"SET log_comment = " + statement.Text(session.tag)}
	if database != "" {
		setup = append(setup, "USE "+statement.Identifier(database))
	}
	for _, sql := range setup {
		if _, err := conn.Query(sql, "Null"); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return session, nil
}

// Setting is a setting for one query. An optional one that the engine does not
// know is left out.
type Setting struct {
	Key, Value string
	Optional   bool
}

// reserved settings are the session's own, or mean something to the protocol
// only.
func reserved(key string) bool {
	switch key {
	case "log_comment", "network_compression_method", "network_zstd_compression_level":
		return true
	}
	return false
}

// codeUnknownSetting is ClickHouse's UNKNOWN_SETTING.
const codeUnknownSetting = 115

// Apply makes settings those of the next query: what the last query brought
// and this one does not goes back to its default. A session whose queries all
// bring the same settings sets them once.
func (s *Session) Apply(settings []Setting) error {
	wanted := make(map[string]bool, len(settings))
	for _, setting := range settings {
		if reserved(setting.Key) {
			continue
		}
		wanted[setting.Key] = true
		if err := s.apply(setting); err != nil {
			return err
		}
	}
	for key := range s.applied {
		if wanted[key] {
			continue
		}
		if _, err := s.Query("SET "+statement.Identifier(key)+" = DEFAULT", "Null"); err != nil {
			return err
		}
		delete(s.applied, key)
	}
	return nil
}

func (s *Session) apply(setting Setting) error {
	if value, ok := s.applied[setting.Key]; ok && value == setting.Value {
		return nil
	}
	_, err := s.Query("SET "+statement.Identifier(setting.Key)+" = "+statement.Text(setting.Value), "Null")
	var exception *chdb.Error
	if setting.Optional && errors.As(err, &exception) && exception.Code == codeUnknownSetting {
		return nil
	}
	if err == nil {
		s.applied[setting.Key] = setting.Value
	}
	return err
}
