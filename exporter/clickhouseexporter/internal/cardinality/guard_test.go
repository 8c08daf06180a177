// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cardinality

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

// guarded is a guard whose time and reports are the test's.
type guarded struct {
	*Guard
	at      time.Time
	reports []Report
}

func guardOf(limits Limits) *guarded {
	g := &guarded{at: time.Now()}
	g.Guard = New(limits, time.Minute, func(r Report) { g.reports = append(g.reports, r) })
	g.since, g.now = g.at, func() time.Time { return g.at }
	return g
}

// send is the attributes of one log record after the guard has seen them, and what
// was over a limit.
func (g *guarded) send(t *testing.T, raw map[string]any) (map[string]any, [numExcesses]int64) {
	t.Helper()
	logs := plog.NewLogs()
	record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	require.NoError(t, record.Attributes().FromRaw(raw))
	tally := g.Logs(logs)
	return record.Attributes().AsRaw(), tally[LogAttributes]
}

func TestLength(t *testing.T) {
	long := strings.Repeat("ä", 50) // 100 bytes
	raw := map[string]any{"a": long, "service.name": long, "short": "s", "n": int64(1), "list": []any{long}}
	for action, want := range map[Action]map[string]any{
		Keep:     {"a": long, "service.name": long, "short": "s", "n": int64(1), "list": []any{long}},
		Truncate: {"a": strings.Repeat("ä", 32), "service.name": strings.Repeat("ä", 32), "short": "s", "n": int64(1), "list": `["` + strings.Repeat("ä", 31)},
		Hash:     {"a": digest(long), "service.name": digest(long), "short": "s", "n": int64(1), "list": digest(`["` + long + `"]`)},
		Drop:     {"service.name": long, "short": "s", "n": int64(1)},
	} {
		t.Run(string(action), func(t *testing.T) {
			g := guardOf(Limits{Length: Limit{65, action}})
			got, over := g.send(t, raw)
			assert.Equal(t, want, got)
			assert.Equal(t, [numExcesses]int64{OverLength: 3}, over)
			again, over := g.send(t, got)
			assert.Equal(t, want, again, "what was handled stays as it is")
			if action == Truncate || action == Hash {
				assert.Zero(t, over)
			}
		})
	}
	assert.Regexp(t, "^sha256:[0-9a-f]{32}$", digest(long))
}

func TestValues(t *testing.T) {
	for action, check := range map[Action]func(t *testing.T, value any, present bool, sent string){
		Keep: func(t *testing.T, value any, _ bool, sent string) { assert.Equal(t, sent, value) },
		Hash: func(t *testing.T, value any, _ bool, _ string) { assert.Regexp(t, "^hash:[0-9a-f]{2}$", value) },
		Drop: func(t *testing.T, _ any, present bool, _ string) { assert.False(t, present) },
	} {
		t.Run(string(action), func(t *testing.T) {
			g := guardOf(Limits{Values: Limit{10, action}})
			for range 2 {
				for n := range 10 { // the first ten are known for the whole interval
					sent := fmt.Sprint("user ", n)
					got, over := g.send(t, map[string]any{"user": sent, "other": sent, "n": int64(n)})
					assert.Equal(t, map[string]any{"user": sent, "other": sent, "n": int64(n)}, got)
					assert.Zero(t, over)
				}
			}
			for n := 10; n < 1000; n++ {
				sent := fmt.Sprint("user ", n)
				got, over := g.send(t, map[string]any{"user": sent, "other": "user 1", "n": int64(n), "d": float64(n)})
				value, present := got["user"]
				check(t, value, present, sent)
				assert.Equal(t, [numExcesses]int64{OverValues: 1}, over)
			}
			g.at = g.at.Add(time.Minute)
			got, over := g.send(t, map[string]any{"user": "new"})
			assert.Equal(t, map[string]any{"user": "new"}, got, "another interval")
			assert.Zero(t, over)
			require.Len(t, g.reports, 1)
			require.Len(t, g.reports[0].Offenders, 1)
			assert.Regexp(t, `^LogAttributes\["user"\]: 990 over the limit of values, such as one of 7 bytes, sha256 [0-9a-f]{8}…$`,
				g.reports[0].Offenders[0].String())
		})
	}
}

func TestKeys(t *testing.T) {
	g := guardOf(Limits{Keys: Limit{3, Drop}})
	steady := map[string]any{"a": "1", "b": "2", "service.name": "s"}
	g.send(t, steady)
	for n := range 100 {
		got, over := g.send(t, map[string]any{"a": "1", fmt.Sprint("id ", n): "x", "service.name": "t"})
		assert.Equal(t, map[string]any{"a": "1", "service.name": "t"}, got)
		assert.Equal(t, [numExcesses]int64{OverKeys: 1}, over)
	}
	// Keys that are in use stay known; one that is not makes room.
	g.at = g.at.Add(time.Minute)
	g.send(t, map[string]any{"a": "1", "service.name": "s"})
	g.at = g.at.Add(time.Minute)
	got, _ := g.send(t, map[string]any{"new": "1", "newer": "2", "a": "1"})
	assert.Contains(t, got, "a")
	assert.Len(t, got, 2)
	require.Len(t, g.reports, 1)
	assert.Equal(t, `LogAttributes: 100 attributes beyond the limit of keys, such as "id 0"`, g.reports[0].Offenders[0].String())

	first := guardOf(Limits{Keys: Limit{1, Drop}})
	first.send(t, map[string]any{"a": "1"})
	got, _ = first.send(t, map[string]any{"service.name": "s"})
	assert.Equal(t, map[string]any{"service.name": "s"}, got, "never dropped")
}

// TestMemoryIsBounded sends more keys and values than a guard knows.
func TestMemoryIsBounded(t *testing.T) {
	g := guardOf(Limits{Values: Limit{100_000, Drop}})
	over := int64(0)
	for n := range 10_000 {
		_, excess := g.send(t, map[string]any{fmt.Sprint("key ", n): "v"})
		over += excess[Untracked]
	}
	assert.Equal(t, int64(10_000-MostKeys), over)
	assert.Len(t, g.columns[LogAttributes].keys, MostKeys)
	_, excess := guardOf(Limits{Values: Limit{1, Drop}}).send(t, map[string]any{strings.Repeat("k", longestKey+1): "v"})
	assert.Equal(t, [numExcesses]int64{Untracked: 1}, excess)

	var s set
	hash := func(n uint64) uint64 { return n * 0x9e3779b97f4a7c15 }
	for n := range uint64(mostSlots) {
		in, before := s.add(hash(n))
		assert.False(t, before)
		assert.Equal(t, n < mostSlots/4*3, in)
	}
	assert.Len(t, s.slots, mostSlots)
	assert.True(t, s.has(hash(5)))
	assert.False(t, s.has(hash(mostSlots-1)))
	in, before := s.add(hash(5))
	assert.True(t, in && before)
	s.clear()
	assert.False(t, s.has(hash(5)))
}

// TestEveryColumn has a limit that each text is over, in all that OTLP has.
func TestEveryColumn(t *testing.T) {
	g := guardOf(Limits{Length: Limit{1, Keep}})
	sum := g.Traces(rowstest.Traces())
	for c, n := range g.Logs(rowstest.Logs()) {
		sum[c][OverLength] += n[OverLength]
	}
	for c, n := range g.Metrics(rowstest.Metrics()) {
		sum[c][OverLength] += n[OverLength]
	}
	for c := range Column(numColumns) {
		if c != LinkAttributes && c != ScopeAttributes { // of one character
			assert.Positive(t, sum[c][OverLength], c)
		}
	}
	links := guardOf(Limits{Keys: Limit{1, Keep}})
	traces := rowstest.Traces()
	link := traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Links().At(0)
	link.Attributes().PutStr("second", "v")
	assert.Equal(t, int64(1), links.Traces(traces)[LinkAttributes][OverKeys])
	g.Flush()
	require.Len(t, g.reports, 1)
	assert.Len(t, g.reports[0].Offenders, shown)
	assert.Positive(t, g.reports[0].Others)
	for n := 1; n < shown; n++ {
		assert.GreaterOrEqual(t, g.reports[0].Offenders[n-1].Count, g.reports[0].Offenders[n].Count)
	}
	g.Flush()
	assert.Len(t, g.reports, 1, "nothing to report")
}

// TestReadOnly has limits that only count leave data alone that others share.
func TestReadOnly(t *testing.T) {
	logs := rowstest.Logs()
	logs.MarkReadOnly()
	tally := guardOf(Limits{Keys: Limit{1, Keep}, Values: Limit{1, Keep}, Length: Limit{1, Keep}}).Logs(logs)
	assert.Positive(t, tally[LogAttributes][OverKeys])
	assert.False(t, Limits{Keys: Limit{1, Keep}, Length: Limit{0, Drop}}.Alter())
	assert.True(t, Limits{Values: Limit{1, Hash}}.Alter())
	assert.False(t, Limits{}.Any())
}

func TestCut(t *testing.T) {
	for text, want := range map[string]string{"": "", "abc": "abc", "abcdef": "abcd", "abcäf": "abc", "a€€€": "a€", "\x80\x80\x80\x80\x80\x80": "\x80\x80\x80\x80"} {
		assert.Equal(t, want, cut(text, 4), "%q", text)
	}
}

// FuzzGuard has any attribute under any limits: what is left is within them.
func FuzzGuard(f *testing.F) {
	f.Add("key", "value", uint16(3), byte(1))
	f.Add("", strings.Repeat("\xff", 300), uint16(64), byte(1))
	f.Add("service.name", strings.Repeat("ä", 300), uint16(65), byte(2))
	f.Add(strings.Repeat("k", 300), "\x00", uint16(1), byte(3))
	f.Fuzz(func(t *testing.T, name, value string, most uint16, which byte) {
		action := []Action{Keep, Truncate, Hash, Drop}[which%4]
		limits := Limits{Length: Limit{max(64, int(most)), action}, Keys: Limit{1, Keep}, Values: Limit{1, Keep}}
		g := guardOf(limits)
		m := pcommon.NewMap()
		m.PutStr(name, value)
		g.attributes(LogAttributes, m)
		if len(value) <= limits.Length.Max || action == Keep || action == Drop && name == serviceName {
			assert.Equal(t, map[string]any{name: value}, m.AsRaw())
			return
		}
		left, there := m.Get(name)
		assert.Equal(t, action != Drop, there)
		if there {
			assert.LessOrEqual(t, len(left.Str()), limits.Length.Max)
			assert.True(t, !utf8.ValidString(value) || utf8.ValidString(left.Str()))
		}
	})
}
