// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sqltext

import "strings"

// secret: after the word stands a password, or what may be one, without quotes.
// By any driver may come what only another database understands: CockroachDB is
// spoken to as PostgreSQL.
func (s *statement) secret(word string) bool {
	switch len(word) {
	case len("KEY"): // SQLCipher, where SQLite takes a name for a string
		return s.operation == "ATTACH" && strings.EqualFold(word, "KEY")
	case len("PASSWORD"): // SAP HANA, Teradata, CockroachDB
		if !strings.EqualFold(word, "PASSWORD") {
			return false
		}
		return s.operation == "CREATE" || s.operation == "ALTER" ||
			s.operation == "" && !s.with && s.depth == 0
	case len("IDENTIFIED"): // BY, Oracle
		return strings.EqualFold(word, "IDENTIFIED")
	}
	return false
}

// setting is what names and keywords of a statement may be values of.
type setting uint8

const (
	noSetting setting = iota
	variable          // SET a = b, SET a TO b
	pragma            // PRAGMA a = b, PRAGMA a(b)
)

// sets follows a word to where the value of a setting begins. PostgreSQL and
// SQLite take them without quotes, and there may be a list of them: nothing up to
// the end of the statement is a name.
func (s *statement) sets(word string) {
	switch len(word) {
	case len("TO"):
		s.value = s.value || s.setting == variable && strings.EqualFold(word, "TO")
	case len("SET"):
		first := !s.began && s.depth == 0
		if (first || s.operation == "ALTER" || s.operation == "CREATE") && strings.EqualFold(word, "SET") {
			s.setting = variable
		}
	case len("PRAGMA"):
		if strings.EqualFold(word, "PRAGMA") {
			s.setting = pragma
		}
	}
}

// isSettingWord: tells nothing as the value of a setting.
func isSettingWord(word string) bool {
	for _, known := range [...]string{"DEFAULT", "NULL", "ON", "OFF"} {
		if len(word) == len(known) && strings.EqualFold(word, known) {
			return true
		}
	}
	return false
}

// calls: the word is EXEC, or begins the text and is the procedure itself, as
// Transact-SQL allows: no other statement begins so.
func (s *statement) calls(word string) bool {
	if isExecute(word) {
		return true
	}
	return s.first() && operationOf(word) == "" && !strings.EqualFold(word, "WITH") && !strings.EqualFold(word, "IF")
}

// first: nothing but signs came before.
func (s *statement) first() bool {
	return !s.began && !s.ended && !s.several && s.depth == 0
}

func isExecute(word string) bool {
	return len(word) == len("EXEC") && strings.EqualFold(word, "EXEC") ||
		len(word) == len("EXECUTE") && strings.EqualFold(word, "EXECUTE")
}

// call takes EXEC and the name of the procedure. What follows are arguments, which
// Transact-SQL takes for strings without quotes.
func (s *scanner) call(word string) {
	s.statement.word(word, s.at)
	if isExecute(word) {
		s.dst = append(s.dst, word...)
		for s.at += len(word); isSpace(s.peek(0)) && s.at < len(s.text); s.at++ {
			s.space()
		}
	}
	end := s.at
	for end < len(s.text) && (isName(s.text[end]) || end > s.at && isDigit(s.text[end]) || strings.IndexByte("[].", s.text[end]) >= 0) {
		end++
	}
	if end < len(s.text) || !s.cut {
		s.dst = append(s.dst, s.text[s.at:end]...)
	}
	s.at = end
	for s.at < len(s.text) && isSpace(s.text[s.at]) {
		s.at++
	}
	s.doubtful = s.at < len(s.text)
}
