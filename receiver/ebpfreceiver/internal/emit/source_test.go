// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

func TestLedgersSayHowTheyWereObtained(t *testing.T) {
	spent := ledger.Ledger{ledger.Sleep: 20}
	for want, span := range map[string]record.Span{
		"exact":   {Header: identified(10, 30), Exact: true, Ledger: spent},
		"sampled": {Header: identified(10, 30), Sampled: true, Ledger: spent},
	} {
		log := onlyLog(t, &span)
		require.Equal(t, events.SpanLedger, log.EventName())
		for _, attributes := range []map[string]any{
			log.Attributes().AsRaw(), onlySpan(t, &record.Request{Span: span}).Attributes().AsRaw(),
		} {
			require.Equal(t, want, attributes[ledger.AttributeSource])
			require.EqualValues(t, 20, attributes[ledger.Sleep.Attribute()])
		}
	}
	batch := newBatch(NewCycles())
	batch.Add(shop(), &record.Span{Header: identified(10, 30), Ledger: spent})
	require.Zero(t, batch.Logs().LogRecordCount(), "of a span without a ledger there is nothing to tell")
	require.NotContains(t, onlySpan(t, &record.Request{Span: record.Span{Header: identified(10, 30), Ledger: spent}}).Attributes().AsRaw(), ledger.AttributeSource)
}
