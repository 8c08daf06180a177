// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// TestRepeatedIsWrittenAsEncoded has pieces of many lengths, repeated from once to
// some thousand times: what goes over the wire in tiles is what EncodeColumn makes at
// once, also when it is written again.
func TestRepeatedIsWrittenAsEncoded(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	texts, maps := new(repeatedText), newRepeatedAttributes()
	for _, length := range []int{0, 1, 7, 300, tileSize - 1, tileSize, tileSize + 1, 3 * tileSize} {
		for _, n := range []int{0, 1, 2, 31, 5000} {
			if length*n > 1<<20 {
				continue
			}
			texts.set(strings.Repeat("x", length))
			texts.repeat(n)
			attributes := pcommon.NewMap()
			for key := range random.IntN(5) {
				attributes.PutStr(fmt.Sprint(key), strings.Repeat("y", length))
			}
			maps.set(attributes)
			maps.repeat(n)
		}
	}
	for _, column := range []column{texts, maps, texts.window(3, 6000), maps.window(3, 6000)} {
		for range 2 {
			var encoded proto.Buffer
			column.EncodeColumn(&encoded)
			assert.True(t, bytes.Equal(encoded.Buf, writtenBytes(t, column)))
		}
	}
}

// writtenBytes is what a column writes.
func writtenBytes(t *testing.T, c proto.ColInput) []byte {
	t.Helper()
	var written bytes.Buffer
	w := proto.NewWriter(&written, new(proto.Buffer))
	c.WriteColumn(w)
	_, err := w.Flush()
	require.NoError(t, err)
	return written.Bytes()
}
