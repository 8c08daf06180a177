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
// let the user in) may pass, or be mended while the data waits.
func Permanent(err error) bool {
	return ch.IsErr(err,
		proto.ErrCannotParseText,
		proto.ErrNoSuchColumnInTable,
		proto.ErrNumberOfColumnsDoesntMatch,
		proto.ErrIllegalTypeOfArgument,
		proto.ErrIllegalColumn,
		proto.ErrUnknownIdentifier,
		proto.ErrUnknownType,
		proto.ErrTypeMismatch,
		proto.ErrSyntaxError,
		proto.ErrArgumentOutOfBound,
		proto.ErrCannotConvertType,
		proto.ErrUnknownSetting,
		proto.ErrIncorrectData,
		proto.ErrTooLargeArraySize,
		proto.ErrTooLargeStringSize,
		proto.ErrValueIsOutOfRangeOfDataType,
		proto.ErrCannotInsertNullInOrdinaryColumn,
		proto.ErrViolatedConstraint,
	)
}

// Missing reports whether the table or database is not there.
func Missing(err error) bool {
	return ch.IsErr(err, proto.ErrUnknownTable, proto.ErrUnknownDatabase)
}

// Denied reports whether the user lacks a privilege.
func Denied(err error) bool { return ch.IsErr(err, proto.ErrAccessDenied) }
