// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// compare names the numbers of the truth that do not lie between those observed
// before and after it, and counts those that did not change meanwhile.
func compare(t *testing.T, before, truth, after values) (equal int, outside []string) {
	t.Helper()
	between := func(name string, b, v, a int64) {
		if v < min(b, a) || v > max(b, a) {
			outside = append(outside, fmt.Sprintf("%s: %d is not between %d and %d", name, v, b, a))
		}
		if b == a {
			equal++
		}
	}
	assert.Equal(t, slices.Sorted(maps.Keys(truth.ints)), slices.Sorted(maps.Keys(withoutStates(before.ints))))
	for name, v := range truth.ints {
		between(name, before.ints[name], v, after.ints[name])
	}
	assert.Equal(t, truth.bounds, before.bounds)
	for name, counts := range truth.buckets {
		require.Len(t, before.buckets[name], len(counts), name)
		for i, v := range counts {
			between(fmt.Sprintf("%s bucket %d", name, i), int64(before.buckets[name][i]), int64(v), int64(after.buckets[name][i]))
		}
	}
	return equal, outside
}

// growing picks those of the numbers that can only grow.
func growing(outside []string) []string {
	return slices.DeleteFunc(slices.Clone(outside), func(line string) bool {
		name, _, _ := strings.Cut(line, ": ")
		return isUpDown(name)
	})
}

func isUpDown(name string) bool {
	return slices.ContainsFunc(Definitions(), func(d Definition) bool {
		return d.Instrument == UpDownCounter && (name == d.Name || strings.HasPrefix(name, d.Name+" "))
	})
}

// withoutStates leaves out the goroutines by state and reason, which have a
// test of their own.
func withoutStates(ints map[string]int64) map[string]int64 {
	rest := maps.Clone(ints)
	maps.DeleteFunc(rest, func(name string, _ int64) bool {
		return strings.HasPrefix(name, "fathom.go.goroutine.states ") || strings.HasPrefix(name, "fathom.go.goroutine.waiting ")
	})
	return rest
}

func TestAgainstTheTargetsOwnMetrics(t *testing.T) {
	for name, b := range builds(t) {
		t.Run(name, func(t *testing.T) {
			path := b.target(t)
			t.Run("numbers", func(t *testing.T) {
				tt := start(t, path)
				require.Empty(t, tt.layout.Missing())
				for _, step := range []string{"collect", "grow", "collect", "contend", "configure", "collect", "squeeze", "collect"} {
					compareIdle(t, tt, "before "+step)
					tt.do(step)
				}
				compareIdle(t, tt, "at the end")
			})
			t.Run("goroutines", func(t *testing.T) { compareStates(t, start(t, path), b.cgo) })
		})
	}
}

// compareIdle compares while nothing but the answers changes the numbers. The
// scavenger and the sweeper may still work in between: what goes up and down may
// then, in some of the rounds, be outside of what was before and after.
func compareIdle(t *testing.T, tt *target, when string) {
	t.Helper()
	const rounds = 20
	for round := 1; ; round++ {
		before := tt.still()
		truth := tt.truth()
		after := tt.observed()
		equal, outside := compare(t, before, truth, after)
		require.Empty(t, growing(outside), when)
		if len(outside) > 0 && round < rounds {
			continue
		}
		require.Empty(t, outside, when)
		total := len(truth.ints)
		for _, counts := range truth.buckets {
			total += len(counts)
		}
		t.Logf("%s, round %d: %d numbers, %d of them unchanged and equal; %d goroutines, %d B used, goal %d B, %d cycles", when, round,
			total, equal, truth.ints["go.goroutine.count"], truth.ints["go.memory.used other"], truth.ints["go.memory.gc.goal"], truth.ints["go.memory.gc.cycles"])
		return
	}
}

func TestAgainstTheTargetsOwnMetricsUnderLoad(t *testing.T) {
	for name, b := range kinds() { // with one release: the readers are the same
		t.Run(name, func(t *testing.T) {
			tt := start(t, b.target(t))
			tt.do("configure", "busy")
			const rounds = 50
			observed, truths := compareBusy(t, tt, rounds)
			tt.do("rest", "collect")
			compareIdle(t, tt, "after the load")
			outside := outliers(observed, truths)
			t.Logf("%d rounds, %d observations, truths outside of their range: %v", rounds, len(observed), outside)
			for name, count := range outside {
				assert.LessOrEqual(t, count, rounds/10, name)
			}
		})
	}
}

// compareBusy compares while the target works. Numbers that only grow lie
// between those observed before and after; no such thing can be said of those
// that go up and down thousands of times a second, which it returns.
func compareBusy(t *testing.T, tt *target, rounds int) (observed, truths []map[string]int64) {
	t.Helper()
	for range rounds {
		before := tt.observed()
		truth := tt.truth()
		after := tt.observed()
		observed = append(observed, takeUpDown(before), takeUpDown(after))
		truths = append(truths, takeUpDown(truth))
		_, outside := compare(t, before, truth, after)
		require.Empty(t, outside)
		for range 10 {
			observed = append(observed, takeUpDown(tt.observed()))
		}
	}
	return observed, truths
}

// takeUpDown takes the numbers that go up and down out of v.
func takeUpDown(v values) map[string]int64 {
	taken := map[string]int64{}
	for name, n := range v.ints {
		if isUpDown(name) {
			taken[name] = n
			delete(v.ints, name)
		}
	}
	return withoutStates(taken)
}

// outliers counts, by name, the truths that are more than a tenth of its width
// outside of the range of all that was observed.
func outliers(observed, truths []map[string]int64) map[string]int {
	least, most := maps.Clone(observed[0]), maps.Clone(observed[0])
	for _, numbers := range observed {
		for name, n := range numbers {
			least[name], most[name] = min(least[name], n), max(most[name], n)
		}
	}
	outside := map[string]int{}
	for _, numbers := range truths {
		for name, n := range numbers {
			slack := (most[name] - least[name]) / 10
			if _, ok := least[name]; !ok || n < least[name]-slack || n > most[name]+slack {
				outside[name]++
			}
		}
	}
	return outside
}

// A program whose symbols are there and whose type information is not: what the
// version table knows of its release is all that is needed.
func TestATargetWithoutTypeInformation(t *testing.T) {
	tt := start(t, build{flags: []string{"-ldflags=-w"}}.target(t))
	require.Empty(t, tt.layout.Missing())
	compareIdle(t, tt, "without type information")
}

// A release that the version table does not know has no layout without type
// information, stripped or not; what needs none is still read.
func TestAnUnknownReleaseNamesAllThatIsMissing(t *testing.T) {
	binary, err := goexec.Open(build{flags: []string{"-ldflags=-s -w"}}.target(t))
	require.NoError(t, err)
	layout := Resolve(otherRelease{binary})
	require.NoError(t, binary.Close())
	require.NotEmpty(t, layout.Missing())
	assert.True(t, layout.Any(), "a variable of its own needs no type information")
	for _, line := range layout.Missing() {
		assert.Contains(t, line, "offset not proven")
	}
}

// otherRelease is a binary of which only the code is known.
type otherRelease struct{ *goexec.Binary }

func (b otherRelease) Offsets(fields []goexec.Field) (map[goexec.Field]goexec.Offset, error) {
	return nil, fmt.Errorf("%v: %w", fields, goexec.ErrNoOffset)
}

func (b otherRelease) TypeSize(name string) (uint64, error) {
	return 0, fmt.Errorf("%s: %w", name, goexec.ErrNoOffset)
}
