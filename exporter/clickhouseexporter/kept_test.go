// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// page is something that is kept.
type page struct{ number, resets int }

// Reset counts.
func (p *page) Reset() { p.resets++ }

func numberedPages() *kept[*page] {
	made := 0
	return newKept(func() *page { made++; return &page{number: made} })
}

// waiting is how many wait to be used again.
func (k *kept[T]) waiting() int {
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.idle)
}

func TestKeptAreTakenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := numberedPages()
		first, second := pages.take(), pages.take()
		require.Equal(t, []int{1, 2}, []int{first.number, second.number})
		pages.put(first)
		pages.put(second)
		runtime.GC()
		runtime.GC()
		require.Same(t, second, pages.take(), "what was used last is taken first, whatever was collected")
		require.Same(t, first, pages.take())
		require.Equal(t, 1, first.resets)
		require.Equal(t, 3, pages.take().number)
	})
}

func TestKeptAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := numberedPages()
		var taken []*page
		for range maxKept + 3 {
			taken = append(taken, pages.take())
		}
		for _, one := range taken {
			pages.put(one)
		}
		require.Equal(t, maxKept, pages.waiting())
	})
}

// TestUnusedAreLetGo has two, of which one is in use all the time.
func TestUnusedAreLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := numberedPages()
		unused, used := pages.take(), pages.take()
		pages.put(unused)
		pages.put(used)
		for range 5 {
			time.Sleep(keptFor / 2)
			require.Same(t, used, pages.take())
			pages.put(used)
		}
		require.Equal(t, 1, pages.waiting(), "the unused one was let go")
		time.Sleep(2 * keptFor)
		require.Zero(t, pages.waiting(), "and the other one once it was not used either")
		pages.mu.Lock()
		defer pages.mu.Unlock()
		require.False(t, pages.pruned, "no timer is left")
	})
}
