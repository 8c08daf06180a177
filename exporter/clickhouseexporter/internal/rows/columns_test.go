// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"math"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// TestPointTimesFollowTheTable encodes times for tables of both kinds.
func TestPointTimesFollowTheTable(t *testing.T) {
	var corrected Corrections
	elements := new(pointTimes)
	column := nested(elements)[0]
	elements.append(1_999_999_999, &corrected)
	elements.append(math.MaxUint64, &corrected)
	column.endRow()
	assert.Equal(t, Corrections{TimeOutOfRange: 1}, corrected)

	const offset = "\x02\x00\x00\x00\x00\x00\x00\x00"
	for _, test := range []struct{ server, sent, want string }{
		{"", "Array(DateTime)", offset + "\x01\x00\x00\x00\xff\xff\xff\xff"},
		{"Array(DateTime64(9))", "Array(DateTime64(9))",
			offset + "\xff\x93\x35\x77\x00\x00\x00\x00" + "\x00\x36\x65\xc4\xff\xc9\x9a\x3b"},
		{"Array(DateTime64(3, 'UTC'))", "Array(DateTime64(9))",
			offset + "\xff\x93\x35\x77\x00\x00\x00\x00" + "\x00\x36\x65\xc4\xff\xc9\x9a\x3b"},
		{"Array(DateTime('UTC'))", "Array(DateTime)", offset + "\x01\x00\x00\x00\xff\xff\xff\xff"},
	} {
		if test.server != "" {
			require.NoError(t, column.Infer(proto.ColumnType(test.server)))
		}
		assert.Equal(t, test.sent, column.Type().String(), test.server)
		var buffer proto.Buffer
		column.EncodeColumn(&buffer)
		assert.Equal(t, test.want, string(buffer.Buf), test.server)
	}
}

func TestNanosecondsAreBounded(t *testing.T) {
	var corrected Corrections
	column := new(nanoseconds)
	column.append(math.MaxInt64, &corrected)
	assert.Equal(t, Corrections{}, corrected)
	column.append(math.MaxInt64+1, &corrected)
	assert.Equal(t, Corrections{TimeOutOfRange: 1}, corrected)
	assert.Equal(t, proto.ColInt64{math.MaxInt64, math.MaxInt64}, column.values)
}

func TestCorrectionNames(t *testing.T) {
	names := map[string]bool{}
	for reason := range numCorrections {
		names[Correction(reason).String()] = true
	}
	assert.Len(t, names, numCorrections)
	assert.NotContains(t, names, Correction(numCorrections).String())
}

func TestDuration(t *testing.T) {
	for _, test := range []struct {
		start, end pcommon.Timestamp
		want       uint64
		corrected  int64
	}{
		{0, 0, 0, 0},
		{5, 7, 2, 0},
		{7, 5, 0, 1},
		{0, math.MaxUint64, math.MaxUint64, 0},
		{math.MaxUint64, 0, 0, 1},
	} {
		var corrected Corrections
		assert.Equal(t, test.want, duration(test.start, test.end, &corrected))
		assert.Equal(t, test.corrected, corrected[NegativeDuration])
	}
}
