// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package chdb

import (
	"regexp"
	"strconv"
)

// Error is an exception of the engine, as its clients see it.
type Error struct {
	// Code is ClickHouse's number of the error, such as 60 for UNKNOWN_TABLE.
	Code int32
	// Name is the type of the exception, always "DB::Exception" in ClickHouse.
	Name string
	// Message is the text, its code's name in brackets at its end.
	Message string
}

func (e *Error) Error() string { return e.Message }

// codeUnknownException is ClickHouse's UNKNOWN_EXCEPTION.
const codeUnknownException = 1002

// leadingCode is how ClickHouse prints an exception:
// "Code: 60. DB::Exception: Unknown table …".
var leadingCode = regexp.MustCompile(`(?s)Code: (\d+)\. (DB::\w+): (.*)`)

// parseError reads the code out of the text of an exception.
func parseError(text string) *Error {
	match := leadingCode.FindStringSubmatch(text)
	if match == nil {
		return &Error{Code: codeUnknownException, Name: "DB::Exception", Message: "DB::Exception: " + text}
	}
	code, err := strconv.ParseInt(match[1], 10, 32)
	if err != nil {
		code = codeUnknownException
	}
	return &Error{Code: int32(code), Name: match[2], Message: match[2] + ": " + match[3]}
}
