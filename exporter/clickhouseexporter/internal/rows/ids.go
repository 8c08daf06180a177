// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"encoding/hex"

	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// appendTraceID adds the ID in lower-case hex, or nothing for none.
func appendTraceID(c *proto.ColStr, id pcommon.TraceID) {
	if id.IsEmpty() {
		c.Append("")
		return
	}
	appendHex(c, id[:])
}

// appendSpanID adds the ID in lower-case hex, or nothing for none.
func appendSpanID(c *proto.ColStr, id pcommon.SpanID) {
	if id.IsEmpty() {
		c.Append("")
		return
	}
	appendHex(c, id[:])
}

// appendHex adds at most 16 bytes in lower-case hex.
func appendHex(c *proto.ColStr, id []byte) {
	var digits [32]byte
	c.AppendBytes(hex.AppendEncode(digits[:0], id))
}
