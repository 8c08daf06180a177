// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goroutines

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// printed is a goroutine as Go prints it.
type printed struct {
	id      uint64
	state   string
	parent  string // of the go statement, with file and line
	calls   []string
	created string
	stack   string // all lines, without arguments and addresses
}

var (
	headLine  = regexp.MustCompile(`^goroutine (\d+) (?:gp=\S+ m=\S+ )?\[([^\],]+)[^\]]*\]:$`)
	arguments = regexp.MustCompile(`\([^()]*\)$`)
	address   = regexp.MustCompile(` \+0x[0-9a-f]+$`)
)

// parse reads what runtime.Stack printed of all goroutines.
func parse(t *testing.T, profile string) map[uint64]printed {
	t.Helper()
	all := map[uint64]printed{}
	for _, text := range strings.Split(strings.TrimSpace(profile), "\n\n") {
		lines := strings.Split(text, "\n")
		head := headLine.FindStringSubmatch(lines[0])
		require.NotNil(t, head, lines[0])
		id, err := strconv.ParseUint(head[1], 10, 64)
		require.NoError(t, err)
		p := printed{id: id, state: strings.TrimSuffix(head[2], " (leaked)")}
		stack := []string{fmt.Sprintf("goroutine %d [%s]:", id, p.state)}
		for i := 1; i < len(lines); i++ {
			if strings.HasPrefix(lines[i], "...") {
				stack = append(stack, lines[i])
				continue
			}
			require.Less(t, i+1, len(lines), text)
			place := address.ReplaceAllString(lines[i+1], "")
			name := lines[i]
			if created, ok := strings.CutPrefix(name, "created by "); ok {
				p.created, p.parent, _ = strings.Cut(created, " in goroutine ")
				p.created += place
			} else {
				name = arguments.ReplaceAllString(name, "")
				p.calls = append(p.calls, name+place)
				name += "(...)"
			}
			stack = append(stack, name, place)
			i++
		}
		p.stack = strings.Join(stack, "\n") + "\n"
		all[id] = p
	}
	return all
}

// group is what Fathom groups a goroutine by, in the words of the profile.
func (p *printed) group() string {
	top := ""
	for _, call := range p.calls {
		name, _, _ := strings.Cut(call, "\t")
		top = call
		if !waits(name) {
			break
		}
	}
	return p.created + " | " + p.state + " | " + top
}

// words are those of a group as printed.group has them.
func words(g *Group) string {
	place := func(function, file string, line int) string { return fmt.Sprintf("%s\t%s:%d", function, file, line) }
	top := ""
	for _, call := range g.Stack {
		if !shown(call) {
			continue
		}
		top = place(call.Function, call.File, call.Line)
		if !waits(call.Function) {
			break
		}
	}
	created := ""
	if g.ID != mainGoroutine {
		created = place(g.GoStatement.Function, g.GoStatement.File, g.GoStatement.Line)
	}
	return created + " | " + g.StateText + " | " + top
}

// ownGroups counts the goroutines of the target's own profile by group; the main
// goroutine, which runs while it prints, is left out.
func ownGroups(all map[uint64]printed) map[string]int {
	counts := map[string]int{}
	for id, p := range all {
		if id != mainGoroutine {
			counts[p.group()]++
		}
	}
	return counts
}

func (p *program) counted(t *Tracker) map[string]int {
	counts := map[string]int{}
	for _, g := range p.groups(t) {
		if g.ID != mainGoroutine {
			counts[words(&g)] += g.Count
		}
	}
	return counts
}

// agree dumps until the target's own profile says the same: its goroutines come
// to rest soon after they were started.
func (p *program) agree(t *testing.T) (*Tracker, map[uint64]printed) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		tracker, all := p.dump(), parse(t, p.profile())
		for id, own := range all { // Go before 1.23 does not note the frame of a system call
			if own.state == "syscall" && p.target.Layout.fields.syscallBP == 0 {
				own.calls = nil
				all[id] = own
			}
		}
		if ours, own := p.counted(tracker), ownGroups(all); maps.Equal(ours, own) || time.Now().After(deadline) {
			require.Equal(t, own, ours)
			return tracker, all
		}
	}
}

func TestGroupsAreThoseOfTheTargetsOwnProfile(t *testing.T) {
	for name, b := range builds() {
		t.Run(name, func(t *testing.T) {
			p := start(t, b.target(t))
			p.do("zoo", "park 1000", "leak 500")
			tracker, own := p.agree(t)
			require.Equal(t, len(own), tracker.Live())
			require.Equal(t, [NumLosses]uint64{StackDeep: 1}, tracker.TakeLosses(), "one stack is too deep")
			stacks := 0
			for _, g := range p.groups(tracker) {
				theirs := own[g.ID]
				require.NotZero(t, theirs.id, "goroutine %d", g.ID)
				if g.ID == mainGoroutine || len(g.Stack) == 0 {
					continue
				}
				assert.Equal(t, theirs.parent, fmt.Sprint(g.Parent))
				// Go 1.21 gives the wrappers that it leaves out no name of their own.
				if !g.StackCut && !strings.HasPrefix(b.toolchain, "go1.21.") {
					assert.Equal(t, theirs.stack, g.Stacktrace())
					stacks++
				}
			}
			t.Logf("%d goroutines in %d groups equal to the target's own profile; %d stacks equal, call by call",
				tracker.Live(), len(tracker.groups), stacks)
			if !strings.HasPrefix(b.toolchain, "go1.21.") {
				require.Greater(t, stacks, 10)
			}
		})
	}
}

func TestTenThousandGoroutines(t *testing.T) {
	for name, b := range kinds() {
		t.Run(name, func(t *testing.T) {
			p := start(t, b.target(t))
			p.do("park 10000")
			tracker, own := p.agree(t)
			require.Len(t, own, 10_001)
			largest := tracker.Top(p.target.Layout, 1)[0]
			require.Equal(t, 10_000, largest.Count)
			require.Equal(t, "chan receive", largest.StateText)
			require.Equal(t, "main.park", largest.GoStatement.Function)

			p.do("free", "collect")
			require.Eventually(t, func() bool { return p.dump().Live() == 1 }, patience, 100*time.Millisecond, "ended ones are none")
		})
	}
}

func TestTheReadersBoundsAreCounted(t *testing.T) {
	p := start(t, build{}.target(t))
	p.do("zoo", "park 100")
	whole, _ := p.agree(t)
	limits := Limits{Goroutines: 50, Groups: 5, Frames: 3}
	p.reader = NewReader(limits)
	tracker := NewTracker(limits, time.Now())
	require.NoError(t, p.reader.Read(p.target, tracker, time.Now()))
	losses := tracker.TakeLosses()
	require.Len(t, tracker.groups, 5)
	require.LessOrEqual(t, tracker.Live(), 50)
	require.GreaterOrEqual(t, losses[SnapshotFull], uint64(whole.Live()-50))
	require.NotZero(t, losses[GroupsFull])
	require.NotZero(t, losses[StackDeep])
	for _, g := range tracker.groups {
		require.LessOrEqual(t, len(g.frames), 3)
	}
}
