// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// sampleRecord has so many frames, at 1000, 1001 and so on.
func sampleRecord(frames int) []byte {
	raw := header(kindSample, sampleStack+8*frames)
	put(raw, sampleFrames, uint32(frames), uint32(0), uint64(77))
	for i := range frames {
		put(raw, sampleStack+8*i, uint64(1000+i))
	}
	return raw
}

func TestDecodeSample(t *testing.T) {
	for _, frames := range []int{0, 1, 127} {
		got, err := Decode(sampleRecord(frames))
		require.NoError(t, err)
		sample := got.(*Sample)
		require.Equal(t, wantHeader(), sample.Header)
		require.Equal(t, frames, sample.Frames())
		require.EqualValues(t, 77, sample.Top)
		for i := range frames {
			require.EqualValues(t, 1000+i, sample.Frame(i))
		}
	}
}
