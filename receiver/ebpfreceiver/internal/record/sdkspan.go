// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import "fmt"

// Sizes and offsets in bytes: bpf/headers/records.h.
const (
	kindSDKSpan   = 20
	sdkSpanTracer = spanSize
	sdkSpanLength = sdkSpanTracer + 8
	sdkSpanSize   = sdkSpanLength + 8
)

// SDKSpan is the end of a span that an OpenTelemetry SDK in the process made, with
// all that the span says. A span that ended on another goroutine than it began on
// has neither a ledger nor identities in its header: the image has them.
type SDKSpan struct {
	Span
	// Tracer is the address of the tracer that made the span.
	Tracer uint64
	// Image is a copy of the span (package sdkspan). It is valid until the next
	// record is read.
	Image []byte
}

func decodeSDKSpan(raw []byte) (*SDKSpan, error) {
	size := u32(raw, sdkSpanLength)
	if uint64(size) > uint64(len(raw)-sdkSpanSize) {
		return nil, fmt.Errorf("%w: an image of %d bytes in a record of %d", ErrMalformed, size, len(raw))
	}
	return &SDKSpan{
		Span:   decodeSpan(raw),
		Tracer: u64(raw, sdkSpanTracer),
		Image:  raw[sdkSpanSize : sdkSpanSize+int(size)],
	}, nil
}
