// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"net"
	"strconv"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// Reason is a short name for a failure, for telemetry: the name of the
// server's error code (such as TOO_MANY_PARTS), "timeout" or "connection".
func Reason(err error) string {
	if exception, ok := ch.AsException(err); ok {
		if exception.Code.IsAError() {
			return exception.Code.String()
		}
		return "CODE_" + strconv.Itoa(int(exception.Code))
	}
	var network net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		return "timeout"
	}
	return "connection"
}

// Permanent reports whether the server refuses these rows for what they are:
// the same INSERT into the same table can only fail again. Everything else
// (a server that is away, overloaded, read-only, out of disk, or does not
// let the user in) may pass, or be mended while the data waits. So may what
// blames the query and not its rows: UNKNOWN_SETTING is the configuration's or
// the server's version, and so is SYNTAX_ERROR (a max_query_size that is too
// small, for one): over the native protocol rows are never parsed as SQL.
func Permanent(err error) bool {
	return OfRows(err) || ch.IsErr(err,
		proto.ErrNoSuchColumnInTable,
		proto.ErrNumberOfColumnsDoesntMatch,
		proto.ErrIllegalTypeOfArgument,
		proto.ErrIllegalColumn,
		proto.ErrUnknownIdentifier,
		proto.ErrUnknownType,
		proto.ErrTypeMismatch,
	)
}

// OfRows reports whether the server refuses the rows for their values, so that
// others might be stored. The rest of what is Permanent is about the columns,
// which all rows have.
func OfRows(err error) bool {
	return ch.IsErr(err,
		proto.ErrCannotParseText,
		proto.ErrCannotParseNumber,
		proto.ErrCannotParseDate,
		proto.ErrCannotParseDatetime,
		proto.ErrCannotParseBool,
		proto.ErrCannotParseUUID,
		proto.ErrCannotParseIpv4,
		proto.ErrCannotParseIpv6,
		proto.ErrCannotParseDomainValueFromString,
		proto.ErrUnknownElementOfEnum,
		proto.ErrDecimalOverflow,
		proto.ErrArgumentOutOfBound,
		proto.ErrCannotConvertType,
		proto.ErrIncorrectData,
		proto.ErrTooLargeArraySize,
		proto.ErrTooLargeStringSize,
		proto.ErrValueIsOutOfRangeOfDataType,
		proto.ErrCannotInsertNullInOrdinaryColumn,
		proto.ErrViolatedConstraint,
	)
}

// Overloaded reports whether the server has too much to do: more inserts make it
// worse.
func Overloaded(err error) bool {
	return ch.IsErr(err, proto.ErrTooManyParts, proto.ErrMemoryLimitExceeded, proto.ErrTooManySimultaneousQueries)
}

// Misconfigured reports whether the server refuses the query for a setting or
// for its text, neither of which comes from the rows.
func Misconfigured(err error) bool {
	return ch.IsErr(err, proto.ErrUnknownSetting) || BadSyntax(err)
}

// BadSyntax reports whether the server does not understand the query's text.
func BadSyntax(err error) bool { return ch.IsErr(err, proto.ErrSyntaxError) }

// Missing reports whether the table or database is not there.
func Missing(err error) bool {
	return ch.IsErr(err, proto.ErrUnknownTable, proto.ErrUnknownDatabase)
}

// NoSuchColumn reports whether the table lacks a column that the query names.
func NoSuchColumn(err error) bool { return ch.IsErr(err, proto.ErrNoSuchColumnInTable) }

// Denied reports whether the user lacks a privilege.
func Denied(err error) bool { return ch.IsErr(err, proto.ErrAccessDenied) }

// Racing reports whether an ALTER met another one of the same table.
func Racing(err error) bool { return ch.IsErr(err, proto.ErrCannotAssignAlter) }

// Answered reports whether the error is the server's own answer, not that of a
// connection on which none came.
func Answered(err error) bool {
	_, ok := ch.AsException(err)
	return ok
}
