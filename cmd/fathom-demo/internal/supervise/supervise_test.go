// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

const patience = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func shell(name, script string) Command {
	return Command{Name: name, Path: "/bin/sh", Args: []string{"-c", script}}
}

func TestGroupStartsAndStops(t *testing.T) {
	dir := t.TempDir()
	group, err := New(t.Context(), dir)
	require.NoError(t, err)
	command := shell("speaker", "echo $WORD; exec sleep 60")
	command.Env = []string{"WORD=hello"}
	p, err := group.Start(command)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "logs", "speaker.log"), p.Entry().Log)
	require.Eventually(t, func() bool {
		said, err := os.ReadFile(p.Entry().Log)
		return err == nil && string(said) == "hello\n"
	}, patience, poll)
	left, err := Leftovers(dir)
	require.NoError(t, err)
	require.Equal(t, []Entry{p.Entry()}, left, "it is remembered while it runs")

	require.NoError(t, group.Stop(patience))
	left, err = Leftovers(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.ErrorIs(t, context.Cause(group.Context()), context.Canceled)
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	group, err := New(t.Context(), t.TempDir())
	require.NoError(t, err)
	p, err := group.Start(shell("stubborn", `trap "" TERM; echo ready; while :; do sleep 1; done`))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		said, err := os.ReadFile(p.Entry().Log)
		return err == nil && len(said) > 0
	}, patience, poll)
	err = group.Stop(200 * time.Millisecond)
	require.ErrorContains(t, err, "stubborn (PID")
	require.ErrorContains(t, err, "was killed: see "+p.Entry().Log)
	alive, err := p.Entry().alive()
	require.NoError(t, err)
	require.False(t, alive)
}

func TestUnexpectedEndEndsTheGroup(t *testing.T) {
	group, err := New(t.Context(), t.TempDir())
	require.NoError(t, err)
	ends := shell("brief", "exit 0")
	ends.Ends = true
	brief, err := group.Start(ends)
	require.NoError(t, err)
	require.NoError(t, brief.Wait(group.Context()), "its end is expected")

	failing, err := group.Start(shell("failing", "echo one; echo the port is taken >&2; exit 3"))
	require.NoError(t, err)
	<-group.Context().Done()
	var ended *EndError
	require.ErrorAs(t, context.Cause(group.Context()), &ended)
	require.Equal(t, failing.Entry(), ended.Entry)
	require.ErrorContains(t, ended, "exit status 3")
	require.ErrorContains(t, ended, failing.Entry().Log+"\n  the port is taken")
	require.NoError(t, group.Stop(patience))
}

func TestLaterOneStopsLeftovers(t *testing.T) {
	dir := t.TempDir()
	group, err := New(t.Context(), dir)
	require.NoError(t, err)
	var want []Entry
	for _, name := range []string{"first", "second"} {
		p, err := group.Start(shell(name, "exec sleep 60"))
		require.NoError(t, err)
		want = append(want, p.Entry())
	}
	left, err := Leftovers(dir)
	require.NoError(t, err)
	require.Equal(t, want, left)
	require.NoError(t, StopLeftovers(dir, left, patience))
	for _, p := range group.started {
		<-p.done
	}
	left, err = Leftovers(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAnotherProcessWithTheSamePIDIsNoLeftover(t *testing.T) {
	dir := t.TempDir()
	self, err := identify(os.Getpid())
	require.NoError(t, err)
	self.Started--
	require.NoError(t, remember(dir, []Entry{{Name: "earlier", identity: self}}))
	left, err := Leftovers(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestDamagedRecordIsNamed(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(record(dir), []byte("{"), 0o600))
	_, err := Leftovers(dir)
	require.ErrorContains(t, err, record(dir)+" is damaged")
}

func TestMissingProgram(t *testing.T) {
	group, err := New(t.Context(), t.TempDir())
	require.NoError(t, err)
	_, err = group.Start(Command{Name: "ghost", Path: "/nowhere/ghost"})
	require.ErrorContains(t, err, "starting ghost")
	require.True(t, errors.Is(err, os.ErrNotExist))
	require.NoError(t, group.Stop(patience))
}

func TestParseStat(t *testing.T) {
	fields := strings.Repeat(" 0", 18)
	for text, want := range map[string]struct {
		state   string
		started uint64
		fails   bool
	}{
		"7 (sh) S" + fields + " 4711 0 0":   {state: "S", started: 4711},
		"7 (a ) (b c) Z" + fields + " 12 0": {state: "Z", started: 12},
		"7 (sh) S 1 2 3":                    {fails: true},
		"":                                  {fails: true},
		"7 (sh) S" + fields + " minus 0":    {fails: true},
	} {
		state, started, err := parseStat([]byte(text))
		if want.fails {
			require.Error(t, err, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want.state, state)
		require.Equal(t, want.started, started)
	}
}
