// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package statement

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnquote(t *testing.T) {
	for quoted, want := range map[string]string{
		`'y'`:                    "y",
		`''`:                     "",
		`'\''`:                   "'",
		`'\'quoted\''`:           "'quoted'",
		`'it\'s a \\ backslash'`: `it's a \ backslash`,
		`'\\n'`:                  `\n`,
		`'a\nb\r\t\0\b\f'`:       "a\nb\r\t\x00\b\f",
		`UInt64_7`:               "UInt64_7",
		`'`:                      `'`,
		``:                       ``,
		`'open`:                  `'open`,
	} {
		assert.Equal(t, want, Unquote(quoted), quoted)
	}
	for _, text := range []string{"", "'", `\`, `\'`, "''", `it's \ 'all' of it'`} {
		assert.Equal(t, text, Unquote(Text(text)))
	}
}
