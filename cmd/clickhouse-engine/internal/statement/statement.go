// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package statement

import "strings"

// Insert is an INSERT whose rows come from the client as blocks.
type Insert struct {
	// Body is the statement without VALUES or FORMAT at its end.
	Body string
	// Target is the table or table function, as it stands in the statement.
	Target string
	// Columns are the columns that are named, nil when none are.
	Columns []string
}

// ParseInsert says whether a statement is an INSERT that waits for blocks: one
// with neither a SELECT nor data of its own.
func ParseInsert(sql string) (Insert, bool) {
	all := withoutSemicolons(tokens(sql))
	rest := all
	if len(rest) == 0 || !rest[0].is("INSERT") {
		return Insert{}, false
	}
	rest = rest[1:]
	for _, optional := range []string{"INTO", "TABLE"} {
		if len(rest) > 0 && rest[0].is(optional) {
			rest = rest[1:]
		}
	}
	target, rest := takeTarget(rest)
	if len(target) == 0 {
		return Insert{}, false
	}
	columns, rest, ok := takeColumns(rest)
	if !ok {
		return Insert{}, false
	}
	tail, ok := waitsForBlocks(rest)
	if !ok {
		return Insert{}, false
	}
	// The engine adds a clause of its own: no comment may stand at the end.
	last := all[len(all)-1-tail]
	return Insert{
		Body:    sql[:last.end],
		Target:  sql[target[0].start:target[len(target)-1].end],
		Columns: columns,
	}, true
}

// takeTarget takes a table's name, "db.table", or a table function with its
// arguments, "FUNCTION null('a UInt8')".
func takeTarget(rest []token) (target, left []token) {
	n := 0
	if len(rest) > 0 && rest[0].is("FUNCTION") {
		for n = 1; n < len(rest); n++ {
			if rest[n].text == ")" && rest[n].depth == rest[0].depth {
				return rest[:n+1], rest[n+1:]
			}
		}
		return nil, rest
	}
	for n < len(rest) {
		n++
		if n+1 < len(rest) && rest[n].text == "." {
			n++
			continue
		}
		break
	}
	return rest[:n], rest[n:]
}

// takeColumns takes the list of columns in brackets, if there is one. It is
// not ok when the brackets hold a query.
func takeColumns(rest []token) (columns []string, left []token, ok bool) {
	if len(rest) == 0 || rest[0].text != "(" {
		return nil, rest, true
	}
	var name strings.Builder
	for i, t := range rest[1:] {
		switch {
		case i == 0 && (t.is("SELECT") || t.is("WITH") || t.text == "("):
			return nil, rest, false
		case t.text == ")" && t.depth == rest[0].depth:
			return append(columns, name.String()), rest[i+2:], true
		case t.text == ",":
			columns = append(columns, name.String())
			name.Reset()
		default:
			name.WriteString(t.identifier())
		}
	}
	return nil, rest, false
}

// waitsForBlocks says whether only SETTINGS and an empty VALUES or FORMAT are
// left of an INSERT, and how many tokens the latter has.
func waitsForBlocks(rest []token) (tail int, ok bool) {
	for i, t := range rest {
		if t.depth != 0 {
			continue
		}
		left := len(rest) - i
		switch {
		case t.is("VALUES"):
			return left, left == 1
		case t.is("FORMAT"):
			return left, left == 2
		case t.is("SELECT"), t.is("WITH"), t.is("WATCH"), t.is("FROM"), i == 0 && !t.is("SETTINGS"):
			return 0, false
		}
	}
	return 0, true
}

// WithoutFormat cuts the FORMAT clause off the end of a query: over the native
// protocol it is the client who formats.
func WithoutFormat(sql string) string {
	all := withoutSemicolons(tokens(sql))
	if len(all) == 0 {
		return sql
	}
	for i := len(all) - 2; i > 0; i-- {
		if all[i].depth != 0 || !all[i].is("FORMAT") {
			continue
		}
		if i+2 == len(all) || all[i+2].is("SETTINGS") {
			return sql[:all[i-1].end] + sql[all[i+1].end:all[len(all)-1].end]
		}
		break
	}
	return sql[:all[len(all)-1].end]
}

// IsSelect says whether a statement is a SELECT, which may stand in brackets or
// begin with WITH.
func IsSelect(sql string) bool {
	for _, t := range tokens(sql) {
		if t.text != "(" {
			return t.is("SELECT") || t.is("WITH")
		}
	}
	return false
}

func withoutSemicolons(all []token) []token {
	for len(all) > 0 && all[len(all)-1].text == ";" {
		all = all[:len(all)-1]
	}
	return all
}
