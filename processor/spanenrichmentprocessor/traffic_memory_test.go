// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// TestMemoryStaysWithinItsBoundInTraffic: whatever order spans and records come
// in, more of them than there is room for. The books never show more than the
// bound, the heap grows by hardly more than the books say, and no record and no
// span goes uncounted.
func TestMemoryStaysWithinItsBoundInTraffic(t *testing.T) {
	const spans, seconds = 10_000, 4
	for _, mix := range []mix{mixBefore, mixAfter, mixNever, mixed} {
		t.Run(mix.short, func(t *testing.T) {
			config := createDefaultConfig().(*Config)
			config.MemoryMiB = 8
			before := heapBytes()
			p := newRated(t, config)
			generator := newTraffic(mix, spans, p.begin)
			for range seconds {
				for _, c := range generator.next() {
					p.send(t, &c)
					require.LessOrEqual(t, p.enrichment.tally().Bytes, int64(8<<20))
				}
			}
			generator = nil
			require.Eventually(t, p.idle, 30*time.Second, 10*time.Millisecond)
			tally := p.enrichment.tally()
			grown := heapBytes() - before
			t.Logf("books %d KiB, heap %d KiB more than before, %d records stored", tally.Bytes>>10, grown>>10, tally.Stored)
			assert.Less(t, float64(grown), 1.25*8*(1<<20))
			var received, lost int64
			for kind := range join.NumKinds {
				received += tally.Received[kind]
				lost += tally.Unjoined[kind][join.Memory]
				accounted := tally.Pending[kind]
				for _, n := range tally.Matched[kind] {
					accounted += n
				}
				for _, n := range tally.Unjoined[kind] {
					accounted += n
				}
				assert.Equal(t, tally.Received[kind], accounted, join.Kind(kind))
			}
			assert.Greater(t, received, int64(spans))
			assert.Positive(t, lost, "the memory was full")
			runtime.KeepAlive(p)
		})
	}
}
