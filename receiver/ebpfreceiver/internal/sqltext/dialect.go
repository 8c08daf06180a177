// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sqltext

// Dialect is how a database reads a text.
type Dialect uint8

// The dialects. Of an Unknown one, whatever any of them takes for a literal is one.
const (
	Unknown Dialect = iota
	PostgreSQL
	MySQL
	ClickHouse
	Oracle
)

// DialectOf is that of a system by its db.system.name in the semantic conventions.
func DialectOf(system string) Dialect {
	switch system {
	case "postgresql":
		return PostgreSQL
	case "mysql":
		return MySQL
	case "clickhouse":
		return ClickHouse
	case "oracle.db":
		return Oracle
	default:
		return Unknown
	}
}

// quotedNames: "x" is a name, never a string.
func (d Dialect) quotedNames() bool { return d == PostgreSQL || d == ClickHouse || d == Oracle }

// bracketNames: [x] may be a name, in which a quote is a character.
func (d Dialect) bracketNames() bool { return d == Unknown }

// dollars: $$x$$ is a string and $1 a parameter, never an amount of money.
func (d Dialect) dollars() bool { return d == PostgreSQL }

// hashes says whether # begins a comment before that character, or may, and
// whether that is known. In ClickHouse (src/Parsers/Lexer.cpp) "# " and "#!" do;
// #t is a table of SQL Server, a # b an operator of PostgreSQL.
func (d Dialect) hashes(next byte) (comment, known bool) {
	switch d {
	case MySQL:
		return true, true
	case PostgreSQL, Oracle:
		return false, true
	case ClickHouse:
		comment = next == ' ' || next == '!'
		return comment, comment
	}
	return next == '!' || isSpace(next), false
}

// bareStrings: a word may be a string, as an argument of a procedure.
func (d Dialect) bareStrings() bool { return d == Unknown }
