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
