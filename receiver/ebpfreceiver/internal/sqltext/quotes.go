// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sqltext

import "strings"

// quoted takes a string in single quotes.
func (s *scanner) quoted() {
	s.literal(s.closing('\''))
}

// doubleQuoted takes a string in double quotes, which is a name in some dialects.
func (s *scanner) doubleQuoted() {
	end, ended := s.closing('"')
	if !ended || !s.dialect.quotedNames() {
		s.literal(end, ended)
		return
	}
	s.name(end)
}

// closing is where the string that begins here ends: at the next quote that is
// not doubled. Whether a backslash escapes the quote, and whether three quotes are
// one, depends on the dialect: then it has no end.
func (s *scanner) closing(quote byte) (end int, ended bool) {
	for at := s.at + 1; at < len(s.text); at++ {
		if s.text[at] != quote {
			continue
		}
		if s.escaped(at) {
			return at, false
		}
		doubled := at+1 < len(s.text) && s.text[at+1] == quote
		switch {
		case at+1 == len(s.text) && s.cut: // the other half may be missing
			return at, false
		case !doubled:
			return at + 1, true
		case at == s.at+1: // BigQuery's '''it's'''
			return at, false
		}
		at++
	}
	return len(s.text), false
}

// escaped: an odd number of backslashes stands before the quote.
func (s *scanner) escaped(at int) bool {
	n := 0
	for i := at - 1; i > s.at && s.text[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// backQuoted takes a name in back quotes. What is none of any dialect that has
// those is in doubt.
func (s *scanner) backQuoted() {
	end := s.at + 1
	for end < len(s.text) && (isName(s.text[end]) || end > s.at+1 && (isDigit(s.text[end]) || s.inName(end))) {
		end++
	}
	if end == s.at+1 || end >= len(s.text) || s.text[end] != '`' {
		s.literal(s.at, false)
		return
	}
	s.name(end + 1)
}

// inName: a point, a single hyphen, or a dollar sign.
func (s *scanner) inName(at int) bool {
	switch s.text[at] {
	case '.', '$':
		return true
	case '-':
		return s.text[at-1] != '-'
	}
	return false
}

// name takes a quoted name as it is.
func (s *scanner) name(end int) {
	if s.statement.value {
		s.literal(end, true)
		return
	}
	quoted := s.text[s.at:end]
	s.dst = append(s.dst, quoted...)
	s.statement.name(s.at, end)
	s.at = end
}

// dollar takes PostgreSQL's $$ or $tag$, all to the next of the same; $1, which
// is a parameter or an amount of money; or the sign of a parameter with a name.
func (s *scanner) dollar() {
	end := s.at + 1
	if end < len(s.text) && isDigit(s.text[end]) {
		s.parameter()
		return
	}
	for end < len(s.text) && (isName(s.text[end]) || isDigit(s.text[end])) {
		end++
	}
	if end == len(s.text) && s.cut { // a tag may be cut
		s.at, s.doubtful = end, true
		return
	}
	if end == len(s.text) || s.text[end] != '$' {
		s.sign('$')
		return
	}
	tag := s.text[s.at : end+1]
	n := strings.Index(s.text[end+1:], tag)
	if n < 0 {
		s.literal(len(s.text), false)
		return
	}
	content := s.text[end+1:][:n]
	s.literal(end+1+n+len(tag), s.dialect.dollars() || !strings.ContainsAny(content, "'\"`\\[#-/"))
}

func (s *scanner) parameter() {
	if !s.dialect.dollars() {
		s.at++
		s.number()
		return
	}
	s.dst = append(s.dst, '$')
	for s.at++; isDigit(s.peek(0)); s.at++ {
		s.dst = append(s.dst, s.peek(0))
	}
	s.statement.literal()
}

// lineComment takes -- or #, if that begins a comment, to the end of the line.
// Where another dialect does not take it for one, the line must read the same.
func (s *scanner) lineComment(c byte) {
	line := s.text[s.at:]
	if n := strings.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	comment, known := true, len(line) == 2 || isSpace(line[min(2, len(line)-1)]) // MySQL wants a space after --
	if c == '#' {
		comment, known = s.dialect.hashes(s.peek(1))
	}
	line = strings.TrimSuffix(line, "\r")
	doubtful := strings.IndexByte(line, '\r') >= 0 // ends it in PostgreSQL
	if doubtful || !known && (comment && c == '#' || strings.ContainsAny(line, "'\"`$[\\*")) {
		s.literal(s.at, false)
		return
	}
	if !comment { // an operator, or in a table's name
		s.sign(c)
		return
	}
	s.at += len(line)
	s.space()
}

// blockComment takes one, which may not hold another: some dialects nest them.
// What MySQL executes (/*!) must not have strings, which may hold the end.
func (s *scanner) blockComment() {
	rest := s.text[s.at+2:]
	n := strings.Index(rest, "*/")
	if n < 0 {
		s.at, s.doubtful = len(s.text), true
		return
	}
	comment := rest[:n]
	executed := strings.HasPrefix(comment, "!") || strings.HasPrefix(comment, "M!")
	if strings.Contains(comment, "/*") || executed && strings.ContainsAny(comment, "'\"`\\#-") {
		s.at, s.doubtful = len(s.text), true
		return
	}
	s.at += len("/*") + n + len("*/")
	s.space()
}
