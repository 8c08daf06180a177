// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sqltext

import "strings"

// operations are the keywords that a statement may begin with, by their length.
// A word that is none of them is not told: it may be anything.
var operations = [...][]string{
	2:  {"DO"},
	3:  {"SET", "USE"},
	4:  {"CALL", "COPY", "DROP", "EXEC", "KILL", "LOAD", "LOCK", "SHOW"},
	5:  {"ALTER", "BEGIN", "CLOSE", "FETCH", "GRANT", "MERGE", "START"},
	6:  {"ATTACH", "COMMIT", "CREATE", "DELETE", "DETACH", "INSERT", "LISTEN", "NOTIFY", "PRAGMA", "RENAME", "REVOKE", "SELECT", "UNLOCK", "UPDATE", "UPSERT", "VACUUM", "VALUES"},
	7:  {"ANALYZE", "DECLARE", "EXECUTE", "EXPLAIN", "PREPARE", "REFRESH", "REINDEX", "RELEASE", "REPLACE"},
	8:  {"DESCRIBE", "OPTIMIZE", "ROLLBACK", "TRUNCATE", "UNLISTEN"},
	9:  {"SAVEPOINT"},
	10: {"DEALLOCATE"},
}

func operationOf(word string) string {
	if len(word) >= len(operations) {
		return ""
	}
	for _, operation := range operations[len(word)] {
		if strings.EqualFold(word, operation) {
			return operation
		}
	}
	return ""
}

// isTableModifier: stands between a keyword and the table, or in its place.
func isTableModifier(word string) bool {
	for _, modifier := range [...]string{"ONLY", "TABLE", "LATERAL", "IGNORE", "LOW_PRIORITY", "OR", "TOP", "FUNCTION", "SELECT", "VALUES"} {
		if len(word) == len(modifier) && strings.EqualFold(word, modifier) {
			return true
		}
	}
	return false
}

// clause follows a word within a statement, and reports whether what comes after
// it is in doubt.
func (s *statement) clause(word string) bool {
	is := func(keyword string) bool { return strings.EqualFold(word, keyword) }
	switch len(word) {
	case 3:
		s.listing = s.listing && !is("SET")
	case 4:
		if is("FROM") || is("INTO") || is("JOIN") {
			s.expect = aTable
		}
	case 5:
		s.unsure = s.unsure || is("USING") || is("TABLE")
		if s.depth == 0 && (is("WHERE") || is("GROUP") || is("ORDER") || is("LIMIT")) {
			s.listing = false
		}
	case 6:
		if is("FORMAT") { // of ClickHouse: the data of an INSERT follow
			return s.operation == "INSERT" && s.depth == 0
		}
		s.listing = s.listing && !is("VALUES") && !is("SELECT")
	case 13:
		s.unsure = s.unsure || is("STRAIGHT_JOIN")
	}
	return false
}
