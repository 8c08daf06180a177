// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// Many streams at once, half of which end on another goroutine than they began
// on: each is told once, and nothing of them stays.
func TestManyClientStreamsAtOnce(t *testing.T) {
	programs, server := attachedTo(t, targettest.BuildCalls(t), Options{}, nil)
	var group errgroup.Group
	group.SetLimit(50)
	for i := range concurrent {
		how := []string{"both", "elsewhere"}[i%2]
		group.Go(func() error {
			_, _, err := server.Get("/stream/"+how+"?do=", nil)
			return err
		})
	}
	require.NoError(t, group.Wait())
	parents, elsewhere := map[[8]byte]bool{}, 0
	for _, r := range readAll(t, programs) {
		stream, ok := r.(*record.RPCClient)
		if !ok {
			continue
		}
		require.False(t, parents[stream.ParentID], "one a request")
		parents[stream.ParentID] = true
		require.Zero(t, stream.Status)
		if stream.NoLedger {
			elsewhere++
			require.Zero(t, stream.Ledger.Total())
		} else {
			require.Equal(t, stream.End-stream.Start, stream.Ledger.Total())
		}
	}
	require.Len(t, parents, concurrent)
	require.Equal(t, concurrent/2, elsewhere)
	requireNothingStays(t, programs)
}

// Streams that are open when their process is left are counted, as are those
// for which there is no room.
func TestClientStreamsThatAreNotTold(t *testing.T) {
	programs, server := attachedTo(t, targettest.BuildCalls(t), Options{}, nil)
	const process = 1 << 30 // no process's
	room := programs.rpcs.ClientStreams.MaxEntries()
	for i := range room {
		require.NoError(t, programs.rpcs.ClientStreams.Put(clientStreamKey{Stream: uint64(i), TGID: process}, rpcclientsClientStream{}))
	}
	_, _, err := server.Get("/stream/both?do=", nil)
	require.NoError(t, err)
	for _, r := range readAll(t, programs) {
		_, told := r.(*record.RPCClient)
		require.False(t, told)
	}
	require.EqualValues(t, 1, counters(t, programs)[DroppedStreamsFull])

	open, err := (&Attachment{programs: programs, pid: process}).forget()
	require.NoError(t, err)
	require.EqualValues(t, room, open)
	requireNothingStays(t, programs)
}
