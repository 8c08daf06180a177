// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// Weight is for how many spans the one with the trace state stands, in units of
// window.One: its adjusted count by the threshold th of the entry ot, one without a
// threshold or with one that makes no sense.
// (https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/)
func Weight(traceState string) uint64 {
	if !strings.Contains(traceState, "ot=") {
		return window.One
	}
	parsed, err := sampling.NewW3CTraceState(traceState)
	if err != nil {
		return window.One
	}
	if count := parsed.OTelValue().AdjustedCount(); count > 0 {
		return window.Weight(count)
	}
	return window.One
}
