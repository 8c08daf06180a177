// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package statement

import "strings"

// Identifier quotes a name for use in a statement.
func Identifier(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

// Text quotes a text for use in a statement.
func Text(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// Unquote is the text that a quoted one stands for: ClickHouse's dump of a
// string field (src/IO/WriteHelpers.h, writeAnyEscapedString). Anything else
// is returned as it is.
func Unquote(quoted string) string {
	if len(quoted) < 2 || quoted[0] != '\'' || quoted[len(quoted)-1] != '\'' {
		return quoted
	}
	return strings.NewReplacer(
		`\\`, `\`, `\'`, `'`, `\n`, "\n", `\r`, "\r", `\t`, "\t", `\0`, "\x00", `\b`, "\b", `\f`, "\f",
	).Replace(quoted[1 : len(quoted)-1])
}
