// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package statement

import "strings"

// token is one word, quoted text, bracket or other sign of a statement.
type token struct {
	text       string
	start, end int // in the statement
	depth      int // of round brackets around it
}

func (t token) is(word string) bool { return strings.EqualFold(t.text, word) }

// identifier is the name that a token stands for, its quotes removed.
func (t token) identifier() string {
	if len(t.text) < 2 || (t.text[0] != '`' && t.text[0] != '"') {
		return t.text
	}
	quote := t.text[:1]
	inner := strings.ReplaceAll(t.text[1:len(t.text)-1], quote+quote, quote)
	return strings.NewReplacer(`\\`, `\`, `\`+quote, quote).Replace(inner)
}

// tokens splits a statement, without its comments and white space. It takes
// any text: an open quote or comment runs to the end.
func tokens(sql string) []token {
	var out []token
	depth := 0
	for i := 0; i < len(sql); {
		if next := skipBlank(sql, i); next > i {
			i = next
			continue
		}
		end := tokenEnd(sql, i)
		t := token{text: sql[i:end], start: i, end: end, depth: depth}
		switch t.text {
		case "(":
			depth++
		case ")":
			depth = max(depth-1, 0)
			t.depth = depth
		}
		out = append(out, t)
		i = end
	}
	return out
}

// skipBlank is where the white space or comment at i ends, or i.
func skipBlank(sql string, i int) int {
	rest := sql[i:]
	switch {
	case strings.IndexByte(" \t\r\n\v\f", sql[i]) >= 0:
		return i + 1
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#!"), strings.HasPrefix(rest, "# "):
		return after(sql, i, "\n")
	case strings.HasPrefix(rest, "/*"):
		return after(sql, i+2, "*/")
	}
	return i
}

// after is the position behind the next occurrence of mark, or the end.
func after(sql string, i int, mark string) int {
	if at := strings.Index(sql[i:], mark); at >= 0 {
		return i + at + len(mark)
	}
	return len(sql)
}

func tokenEnd(sql string, i int) int {
	switch c := sql[i]; {
	case c == '\'' || c == '`' || c == '"':
		return quoteEnd(sql, i)
	case c == '$':
		if end := heredocEnd(sql, i); end > 0 {
			return end
		}
		return i + 1
	case isWord(c):
		end := i + 1
		for end < len(sql) && isWord(sql[end]) {
			end++
		}
		return end
	}
	return i + 1
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// quoteEnd is behind the quote that closes the one at i; a doubled quote and a
// backslash do not close it.
func quoteEnd(sql string, i int) int {
	quote := sql[i]
	for j := i + 1; j < len(sql); j++ {
		switch sql[j] {
		case '\\':
			j++
		case quote:
			if j+1 < len(sql) && sql[j+1] == quote {
				j++
				continue
			}
			return j + 1
		}
	}
	return len(sql)
}

// heredocEnd is behind the heredoc $tag$…$tag$ at i, or 0.
func heredocEnd(sql string, i int) int {
	for j := i + 1; j < len(sql); j++ {
		if sql[j] == '$' {
			return after(sql, j+1, sql[i:j+1])
		}
		if !isWord(sql[j]) {
			return 0
		}
	}
	return 0
}
