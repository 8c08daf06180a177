// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
)

func TestClasses(t *testing.T) {
	exception := func(code proto.Error) error {
		return fmt.Errorf("insert: %w", &ch.Exception{Code: code, Name: "DB::Exception", Message: "DB::Exception: …"})
	}
	for name, test := range map[string]struct {
		err                                       error
		reason                                    string
		permanent, misconfigured, missing, denied bool
	}{
		"type":         {err: exception(proto.ErrTypeMismatch), reason: "TYPE_MISMATCH", permanent: true},
		"column":       {err: exception(proto.ErrNoSuchColumnInTable), reason: "NO_SUCH_COLUMN_IN_TABLE", permanent: true},
		"constraint":   {err: exception(proto.ErrViolatedConstraint), reason: "VIOLATED_CONSTRAINT", permanent: true},
		"enum":         {err: exception(proto.ErrUnknownElementOfEnum), reason: "UNKNOWN_ELEMENT_OF_ENUM", permanent: true},
		"table":        {err: exception(proto.ErrUnknownTable), reason: "UNKNOWN_TABLE", missing: true},
		"database":     {err: exception(proto.ErrUnknownDatabase), reason: "UNKNOWN_DATABASE", missing: true},
		"privilege":    {err: exception(proto.ErrAccessDenied), reason: "ACCESS_DENIED", denied: true},
		"setting":      {err: exception(proto.ErrUnknownSetting), reason: "UNKNOWN_SETTING", misconfigured: true},
		"syntax":       {err: exception(proto.ErrSyntaxError), reason: "SYNTAX_ERROR", misconfigured: true},
		"parts":        {err: exception(proto.ErrTooManyParts), reason: "TOO_MANY_PARTS"},
		"memory":       {err: exception(proto.ErrMemoryLimitExceeded), reason: "MEMORY_LIMIT_EXCEEDED"},
		"read-only":    {err: exception(proto.ErrTableIsReadOnly), reason: "TABLE_IS_READ_ONLY"},
		"password":     {err: exception(proto.ErrAuthenticationFailed), reason: "AUTHENTICATION_FAILED"},
		"unknown code": {err: exception(99999), reason: "CODE_99999"},
		"deadline":     {err: fmt.Errorf("insert: %w", context.DeadlineExceeded), reason: "timeout"},
		"i/o timeout":  {err: fmt.Errorf("read: %w", os.ErrDeadlineExceeded), reason: "timeout"},
		"end":          {err: errors.Join(io.ErrUnexpectedEOF, ch.ErrClosed), reason: "connection"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.reason, Reason(test.err))
			assert.Equal(t, test.permanent, Permanent(test.err))
			assert.Equal(t, name == "constraint" || name == "enum", OfRows(test.err))
			assert.Equal(t, test.misconfigured, Misconfigured(test.err))
			assert.Equal(t, test.reason == "SYNTAX_ERROR", BadSyntax(test.err))
			assert.Equal(t, test.reason == "NO_SUCH_COLUMN_IN_TABLE", NoSuchColumn(test.err))
			assert.Equal(t, test.missing, Missing(test.err))
			assert.Equal(t, test.denied, Denied(test.err))
			assert.Equal(t, name == "parts" || name == "memory", Overloaded(test.err))
			assert.Equal(t, strings.ToUpper(test.reason) == test.reason, Answered(test.err))
		})
	}
}
