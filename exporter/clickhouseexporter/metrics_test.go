// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

func TestOutcome(t *testing.T) {
	away := errors.New("away")
	refused := consumererror.NewPermanent(errors.New("refused"))
	kinds := rows.MetricTypes()
	for name, test := range map[string]struct {
		failures  []error
		again     []pmetric.MetricType
		permanent bool
	}{
		"all stored":         {failures: make([]error, 5)},
		"one away":           {failures: []error{nil, away, nil, nil, nil}, again: kinds[1:2]},
		"all away":           {failures: []error{away, away, away, away, away}, again: kinds[:]},
		"one refused":        {failures: []error{nil, nil, refused, nil, nil}, permanent: true},
		"away and refused":   {failures: []error{refused, nil, nil, nil, away}, again: kinds[4:]},
		"everything refused": {failures: []error{refused, refused, refused, refused, refused}, permanent: true},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := newMetricsExporter(settings(), configFor(closedEndpoint(t)))
			require.NoError(t, err)
			sent := rowstest.Metrics()
			err = e.outcome(sent, test.failures)

			assert.Equal(t, rowstest.Metrics(), sent, "the batch is shared and stays as it was")
			assert.Equal(t, test.permanent, consumererror.IsPermanent(err))
			var partial consumererror.Metrics
			if test.again == nil {
				assert.False(t, errors.As(err, &partial))
				assert.Equal(t, test.permanent, err != nil)
				return
			}
			require.ErrorAs(t, err, &partial)
			require.ErrorIs(t, err, away)
			assert.Equal(t, pointsByType(sent, test.again), pointsByType(partial.Data(), kinds[:]))
		})
	}
}

// pointsByType counts the data points of those types.
func pointsByType(metrics pmetric.Metrics, kinds []pmetric.MetricType) map[pmetric.MetricType]int {
	block := rows.NewMetrics()
	block.Append(metrics)
	points := map[pmetric.MetricType]int{}
	for _, kind := range kinds {
		if n := block.Block(kind).Rows(); n > 0 {
			points[kind] = n
		}
	}
	return points
}
