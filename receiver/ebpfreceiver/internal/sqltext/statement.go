// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sqltext

import "strings"

// Statement is what is certain of a text besides.
type Statement struct {
	// Operation is the keyword that the statement begins with, in capitals; of
	// one that begins with WITH, the first that follows at its level. "" where it
	// is none that is known, or where there are several statements.
	Operation string
	// Collection is the only table that is named, as it is in the text; of a
	// single name without its quotes. "" where it is not certain.
	Collection string
}

// statement follows a text word by word.
type statement struct {
	operation string
	expect    expectation
	// begin and end of the last table's name in the text.
	begin, end int
	depth      int
	began      bool
	with       bool
	listing    bool // between a table and the next clause: a comma lists another
	tables     int
	ended      bool // by a semicolon
	several    bool
	setting    setting
	value      bool // of the setting
	unsure     bool // whether the table is the only one
}

type expectation uint8

const (
	nothing   expectation = iota
	aTable                // the next word is one
	moreTable             // a point would make it longer
	afterDot              // the next word is its next part
)

// told is what is certain in the end.
func (s *statement) told(text string) Statement {
	if s.several {
		return Statement{}
	}
	told := Statement{Operation: s.operation}
	switch s.operation {
	case "SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE":
		if s.tables == 1 && !s.unsure && !s.with && s.expect != aTable && s.expect != afterDot {
			told.Collection = unquoted(text[s.begin:s.end])
		}
	}
	return told
}

// unquoted takes the quotes off a name that has no parts.
func unquoted(name string) string {
	if n := len(name) - 1; n > 0 && (name[0] == '"' || name[0] == '`') && name[n] == name[0] &&
		strings.IndexByte(name[1:n], name[0]) < 0 {
		return name[1:n]
	}
	return name
}

// word follows a name or keyword at a place of the text. It reports whether what
// follows is in doubt: data that stands in a text as it is, and passwords.
func (s *statement) word(word string, at int) (doubtful bool) {
	if s.ended {
		*s = statement{several: true}
	}
	if s.secret(word) {
		return true
	}
	s.sets(word)
	if s.expect == aTable || s.expect == afterDot {
		s.unsure = s.unsure || isTableModifier(word)
		s.table(at, at+len(word))
		return false
	}
	s.expect = nothing
	if s.operation != "" || s.depth != 0 || s.began && !s.with {
		return s.clause(word)
	}
	s.with = s.with || !s.began && strings.EqualFold(word, "WITH")
	s.began = true
	if s.operation = operationOf(word); s.operation == "UPDATE" {
		s.expect = aTable
	}
	return false
}

// name follows a quoted name.
func (s *statement) name(begin, end int) {
	s.several = s.several || s.ended
	if s.expect == aTable || s.expect == afterDot {
		s.table(begin, end)
		return
	}
	s.expect = nothing
}

// table follows a part of the name of one. Between parts may be no comment.
func (s *statement) table(begin, end int) {
	if s.expect == aTable {
		s.tables++
		s.listing = true
		s.begin = begin
	} else if s.end != begin {
		s.unsure = true
	}
	s.end = end
	s.expect = moreTable
}

func (s *statement) literal() {
	s.several = s.several || s.ended
	s.unsure = s.unsure || s.expect == aTable || s.expect == afterDot
	s.expect = nothing
}

// sign follows any other character at a place of the text.
func (s *statement) sign(c byte, at int) {
	before := s.expect
	s.expect = nothing
	switch c {
	case '(':
		s.depth++
		s.began = true
		s.value = s.value || s.setting == pragma
		// A function, or a query: its tables count by themselves.
		columns := before == moreTable && (s.operation == "INSERT" || s.operation == "REPLACE")
		s.unsure = s.unsure || before != nothing && !columns
	case ')':
		s.depth--
	case ';':
		s.ended, s.value = true, false
	case ',':
		s.unsure = s.unsure || s.listing && s.depth == 0
	case '.':
		if before == moreTable && s.end == at {
			s.expect, s.end = afterDot, at+1
			return
		}
		s.unsure = s.unsure || before != nothing
	case '=':
		s.value = s.value || s.setting != noSetting
		fallthrough
	default:
		s.unsure = s.unsure || before != nothing
	}
}
