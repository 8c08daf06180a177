// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sqltext

import "strings"

// Cut ends a text of which a part was left out: because it was not there, or
// because it could not be told whether it holds literals.
const Cut = "…"

// Append appends the text to dst with a ? in the place of each literal, without
// comments, and with runs of white space as one space. Names, keywords, NULL and
// parameters stay. A text that was cut before loses its last word, and all of a
// literal that was cut; it ends with Cut, as does one whose rest is in doubt.
//
// Append allocates nothing if dst has room for the text and Cut.
func Append(dst []byte, text string, cut bool, dialect Dialect) ([]byte, Statement) {
	s := scanner{dst: dst, text: text, cut: cut, dialect: dialect, start: len(dst)}
	for s.at < len(s.text) && !s.doubtful {
		s.next()
	}
	s.trimSpace()
	if s.doubtful || s.cut {
		s.dst = append(s.dst, Cut...)
		s.statement.unsure = true
	}
	return s.dst, s.statement.told(text)
}

// scanner goes through a text once.
type scanner struct {
	dst     []byte
	start   int // of what it appended
	text    string
	at      int
	cut     bool
	dialect Dialect
	// doubtful: what follows at is not kept.
	doubtful  bool
	brackets  int
	statement statement
}

// next takes one token.
func (s *scanner) next() {
	switch c := s.text[s.at]; {
	case s.brackets > 0 && s.dialect.bracketNames() && s.opens(c):
		s.literal(s.at, false) // [it's] may be a name, ['x'] an array
	case isSpace(c):
		s.at++
		s.space()
	case c == '\'':
		s.quoted()
	case c == '"':
		s.doubleQuoted()
	case c == '`':
		s.backQuoted()
	case isDigit(c), c == '.' && isDigit(s.peek(1)):
		s.number()
	case c == '$':
		s.dollar()
	case isName(c):
		s.word()
	case c == '-' && s.peek(1) == '-', c == '#':
		s.lineComment(c)
	case c == '/' && s.peek(1) == '*':
		s.blockComment()
	default:
		s.sign(c)
	}
}

// opens: in another place c would begin a literal, a name or a comment, or, as a
// bracket that is doubled, not end the name.
func (s *scanner) opens(c byte) bool {
	switch c {
	case '\'', '"', '`', '$', '#', '\\', '[':
		return true
	case '-', ']':
		return s.peek(1) == c
	case '/':
		return s.peek(1) == '*'
	}
	return false
}

// sign takes one character that is none of the above.
func (s *scanner) sign(c byte) {
	switch c {
	case '[':
		s.brackets++
	case ']':
		s.brackets = max(0, s.brackets-1)
	}
	s.dst = append(s.dst, c)
	s.statement.sign(c, s.at)
	s.at++
	if c == '?' { // its number in SQLite
		for isDigit(s.peek(0)) {
			s.at++
		}
	}
}

// peek is the character n further on, 0 beyond the end.
func (s *scanner) peek(n int) byte {
	if s.at+n < len(s.text) {
		return s.text[s.at+n]
	}
	return 0
}

func (s *scanner) space() {
	if n := len(s.dst); n > s.start && s.dst[n-1] != ' ' {
		s.dst = append(s.dst, ' ')
	}
}

func (s *scanner) trimSpace() {
	if n := len(s.dst); n > s.start && s.dst[n-1] == ' ' {
		s.dst = s.dst[:n-1]
	}
}

// literal stands for one that ends at end. Where it does not end, the text was
// cut, or nothing is a literal as it seems: there is no more.
func (s *scanner) literal(end int, ended bool) {
	s.dst = append(s.dst, '?')
	s.at = end
	s.doubtful = !ended || s.dialect.bareStrings() && s.statement.first() // a procedure in quotes
	s.statement.literal()
}

// number takes digits and what hangs on to them: 1.5e-3, 0xFF, 1_000, 5kg.
func (s *scanner) number() {
	hex := s.text[s.at] == '0' && (s.peek(1)|0x20) == 'x'
	end := s.at
	for end < len(s.text) && (isName(s.text[end]) || isDigit(s.text[end]) || s.text[end] == '.') {
		end++
		if !hex && (s.text[end-1]|0x20) == 'e' && s.isSigned(end) {
			end++
		}
	}
	s.literal(end, true)
}

// isSigned: a sign and a digit. A sign alone is no exponent: 5e--x has a comment.
func (s *scanner) isSigned(at int) bool {
	return at+1 < len(s.text) && (s.text[at] == '-' || s.text[at] == '+') && isDigit(s.text[at+1])
}

// word takes a name or keyword, or, with the string that follows, the kind of a
// literal.
func (s *scanner) word() {
	end := s.at
	for end < len(s.text) && (isName(s.text[end]) || isDigit(s.text[end]) || s.text[end] == '$') {
		end++
	}
	word := s.text[s.at:end]
	switch {
	case end == len(s.text) && s.cut:
		s.at, s.doubtful = end, true
	case end < len(s.text) && s.text[end] == '\'' && isLiteralPrefix(word):
		s.at = end
	case isLiteralWord(word), isMoney(word):
		s.literal(end, true)
	case end < len(s.text) && s.text[end] == '\'' && isOraclePrefix(word):
		s.literal(end, false) // q'[it's]': only Oracle knows where it ends
	case s.statement.value && !isSettingWord(word):
		s.literal(end, true)
	case s.dialect.bareStrings() && !s.isParameter() && s.statement.calls(word):
		s.call(word)
	default:
		s.dst = append(s.dst, word...)
		if s.isParameter() {
			s.statement.literal()
		} else {
			s.doubtful = s.statement.word(word, s.at)
		}
		s.at = end
	}
}

// isParameter: the word names one, or a type, an attribute or a column, which may
// look like a keyword.
func (s *scanner) isParameter() bool {
	if s.at == 0 {
		return false
	}
	switch s.text[s.at-1] {
	case ':', '@', '$', '%':
		return true
	case '.':
		return s.statement.expect != afterDot
	}
	return false
}

// isLiteralPrefix: of national, bit, hexadecimal, escaped and raw strings.
func isLiteralPrefix(word string) bool {
	return len(word) == 1 && strings.IndexByte("nNbBxXeErR", word[0]) >= 0
}

// isOraclePrefix: of strings with another delimiter.
func isOraclePrefix(word string) bool {
	return strings.EqualFold(word, "q") || strings.EqualFold(word, "nq")
}

func isLiteralWord(word string) bool {
	return strings.EqualFold(word, "true") || strings.EqualFold(word, "false")
}

// isMoney: a currency and digits, which Transact-SQL takes for a number.
func isMoney(word string) bool {
	if word[0] < 0x80 {
		return false
	}
	for i := range len(word) {
		if word[i] < 0x80 && !isDigit(word[i]) {
			return false
		}
	}
	return isDigit(word[len(word)-1])
}

func isSpace(c byte) bool {
	return c <= ' ' || c == 0x7f
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isName: letters, _, and whatever is not ASCII.
func isName(c byte) bool {
	return c == '_' || c >= 0x80 || (c|0x20) >= 'a' && (c|0x20) <= 'z'
}
