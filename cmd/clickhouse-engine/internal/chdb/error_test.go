// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package chdb

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseError(t *testing.T) {
	for text, want := range map[string]*Error{
		"Code: 60. DB::Exception: Table a does not exist. (UNKNOWN_TABLE)": {
			Code: 60, Name: "DB::Exception", Message: "DB::Exception: Table a does not exist. (UNKNOWN_TABLE)",
		},
		"Code: 62. DB::Exception: first line\nsecond: Code: 1. DB::Exception: x": {
			Code: 62, Name: "DB::Exception", Message: "DB::Exception: first line\nsecond: Code: 1. DB::Exception: x",
		},
		"Poco::Exception. Code: 1000, e.code() = 2":   {Code: 1002, Name: "DB::Exception", Message: "DB::Exception: Poco::Exception. Code: 1000, e.code() = 2"},
		"Code: 99999999999. DB::Exception: too large": {Code: 1002, Name: "DB::Exception", Message: "DB::Exception: too large"},
		"": {Code: 1002, Name: "DB::Exception", Message: "DB::Exception: "},
	} {
		assert.Equal(t, want, parseError(text), text)
	}
}
