// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func windowOf(settled ...int) []sample {
	var window []sample
	for i, n := range settled {
		window = append(window, sample{at: int64(i) * int64(time.Second), settled: n})
	}
	return window
}

func TestGrowth(t *testing.T) {
	for name, test := range map[string]struct {
		settled []int
		grew    int
		leaks   bool
	}{
		"steady":                           {[]int{0, 20, 40, 60, 80, 100}, 100, true},
		"on top of many":                   {[]int{5000, 5020, 5040, 5060, 5080, 5100}, 100, true},
		"faster and faster":                {[]int{10, 20, 40, 80, 160, 320}, 310, true},
		"slower and slower":                {[]int{0, 60, 90, 105, 112, 116}, 116, true},
		"in every other dump":              {[]int{0, 50, 50, 100, 100, 150}, 150, false},
		"in four of five":                  {[]int{0, 40, 80, 80, 120, 160}, 160, true},
		"with a few that leave":            {[]int{0, 40, 35, 80, 130, 160}, 160, true},
		"too little":                       {[]int{0, 20, 40, 60, 80, 99}, 99, false},
		"a pool that is filled at once":    {[]int{0, 1000, 1000, 1000, 1000, 1000}, 1000, false},
		"a pool that is filled in two":     {[]int{0, 500, 1000, 1000, 1000, 1000}, 1000, false},
		"a pool that is filled bit by bit": {[]int{0, 5, 10, 15, 20, 1000}, 1000, false},
		"a wave":                           {[]int{0, 100, 200, 150, 250, 300}, 300, false},
		"noise":                            {[]int{500, 630, 480, 590, 510, 640}, 140, false},
		"shrinking":                        {[]int{100, 80, 60, 40, 20, 0}, -100, false},
		"none":                             {[]int{7, 7, 7, 7, 7, 7}, 0, false},
		"the least window":                 {[]int{0, 50, 100}, 100, true},
		"one step":                         {[]int{0, 100}, 0, false},
		"nothing":                          {nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			grew, leaks := growth(windowOf(test.settled...), 100)
			assert.Equal(t, test.grew, grew)
			assert.Equal(t, test.leaks, leaks)
		})
	}
	_, leaks := growth(windowOf(0, 50, 100), 0)
	require.False(t, leaks, "switched off")
}

// Properties of the rule, for windows of any length and growth.
func TestGrowthsProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const least = 100
	for range 20_000 {
		n := MinDumps + random.IntN(MaxDumps-MinDumps+1)
		step, base := 1+random.IntN(1000), random.IntN(100_000)
		noise := func(upTo int) int { return random.IntN(2*upTo+1) - upTo }

		leaking, healthy := make([]int, n), make([]int, n)
		for i := range n {
			leaking[i] = base + i*step + noise(step/8)
			healthy[i] = base + noise(least/2)
		}
		_, leaks := growth(windowOf(leaking...), min(least, (n-1)*step/2))
		require.True(t, leaks, "one that grows by about the same in each step leaks: %v", leaking)
		_, leaks = growth(windowOf(healthy...), least+1)
		require.False(t, leaks, "one that stays between two numbers does not: %v", healthy)

		any, moved, backwards := make([]int, n), make([]int, n), make([]int, n)
		for i := range n {
			any[i] = random.IntN(1 + least*(1+i))
			moved[i] = any[i] + base
			backwards[n-1-i] = any[i]
		}
		grew, leaks := growth(windowOf(any...), least)
		grewMoved, leaksMoved := growth(windowOf(moved...), least)
		require.Equal(t, grew, grewMoved)
		require.Equal(t, leaks, leaksMoved, "those that were there before the window do not matter")
		_, reversed := growth(windowOf(backwards...), least)
		require.False(t, leaks && reversed, "nothing grows forwards and backwards: %v", any)
		if leaks {
			require.GreaterOrEqual(t, grew, least)
			_, stricter := growth(windowOf(any...), grew+1)
			require.False(t, stricter)
		}
	}
}

func TestAlarm(t *testing.T) {
	var a alarm
	var told []int
	for n := 1000; n <= 20_000; n += 100 {
		a.rest(n)
		if a.due(n) {
			told = append(told, n)
		}
	}
	require.Equal(t, []int{1000, 2000, 4000, 8000, 16_000}, told)
	a.rest(8001)
	require.False(t, a.due(8001))
	a.rest(8000)
	require.True(t, a.due(8000), "as new after half of them are gone")
}

func TestRulesAreValidated(t *testing.T) {
	require.Empty(t, Rule{Threshold: 5000, Growth: 100, Dumps: 6, MinAge: time.Minute}.Validate())
	require.Empty(t, Rule{Dumps: MinDumps}.Validate())
	errs := Rule{Threshold: -1, Growth: -1, Dumps: MaxDumps + 1, MinAge: -1}.Validate()
	require.Len(t, errs, 4)
	for i, key := range []string{"threshold: ", "growth: ", "dumps: ", "min_age: "} {
		require.ErrorContains(t, errs[i], key)
	}
}
