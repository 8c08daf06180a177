// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goroutines

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// partial is a real binary of which something else is known.
type partial struct {
	*goexec.Binary
	version   string
	allgs     goexec.Symbol
	without   string // field of runtime.g
	far       string // field of runtime.g
	noReasons bool
	noLines   bool
}

func (p *partial) GoVersion() string {
	if p.version != "" {
		return p.version
	}
	return p.Binary.GoVersion()
}

func (p *partial) Symbol(name string) (goexec.Symbol, error) {
	if name == p.allgs.Name {
		return p.allgs, nil
	}
	return p.Binary.Symbol(name)
}

func (p *partial) Offsets(fields []goexec.Field) (map[goexec.Field]goexec.Offset, error) {
	found, err := p.Binary.Offsets(fields)
	for field := range found {
		switch field.Name {
		case p.without:
			delete(found, field)
			err = errors.Join(err, goexec.ErrNoOffset)
		case p.far:
			found[field] = goexec.Offset{Bytes: 1 << 60}
		}
	}
	return found, err
}

func (p *partial) WaitReasons() (map[uint8]string, error) {
	if p.noReasons {
		return nil, goexec.ErrNoSymbol
	}
	return p.Binary.WaitReasons()
}

func (p *partial) Lines() (*goexec.Lines, error) {
	if p.noLines {
		return nil, goexec.ErrUnsupported
	}
	return p.Binary.Lines()
}

func analysed(t *testing.T, path string) *goexec.Binary {
	t.Helper()
	binary, err := goexec.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, binary.Close()) })
	return binary
}

func TestWhatIsNotProvenIsRefused(t *testing.T) {
	binary := analysed(t, build{}.target(t))
	_, err := Resolve(binary)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		partial partial
		want    error
		text    string
	}{
		"an older Go":         {partial{version: "go1.20.14"}, errVersion, "go1.20.14"},
		"a Go to come":        {partial{version: "go1.27.0"}, errVersion, "go1.27.0"},
		"no release":          {partial{version: "devel +abc"}, errVersion, "devel"},
		"a list of odd size":  {partial{allgs: goexec.Symbol{Name: "runtime.allgs", Addr: 8, Size: 16}}, errMismatch, "16"},
		"a field is unknown":  {partial{without: "gopc"}, goexec.ErrNoOffset, "gopc"},
		"a field is too far":  {partial{far: "goid"}, errMismatch, "goid"},
		"no wait reasons":     {partial{noReasons: true}, goexec.ErrNoSymbol, ""},
		"no source of stacks": {partial{noLines: true}, goexec.ErrUnsupported, "stacks"},
	} {
		t.Run(name, func(t *testing.T) {
			test.partial.Binary = binary
			_, err := Resolve(&test.partial)
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.text)
		})
	}
	l, err := Resolve(&partial{Binary: binary, without: "syscallbp"})
	require.NoError(t, err, "Go before 1.23 has none")
	require.Zero(t, l.fields.syscallBP)
}

func TestStrippedTargets(t *testing.T) {
	for name, mode := range map[string]string{"stripped": "-buildmode=exe", "stripped PIE": "-buildmode=pie"} {
		t.Run(name, func(t *testing.T) {
			path := build{flags: []string{mode, "-ldflags=-s -w"}, noCgo: true}.target(t)
			_, err := Resolve(analysed(t, path))
			require.ErrorIs(t, err, goexec.ErrNoSymbol, "the list's address is not proven")
			require.ErrorContains(t, err, "runtime.allgs")

			// Where the address is known, all else is: offsets, wait reasons,
			// functions and lines. Go's own linker puts the list at the same
			// address in a binary with symbols.
			symbol, err := analysed(t, build{flags: []string{mode}, noCgo: true}.target(t)).Symbol("runtime.allgs")
			require.NoError(t, err)
			p := startKnown(t, path, func(b *goexec.Binary) Binary { return &partial{Binary: b, allgs: symbol} })
			p.do("zoo", "park 100")
			tracker, own := p.agree(t)
			require.Equal(t, len(own), tracker.Live())
			for _, g := range p.groups(tracker) {
				if g.ID != mainGoroutine && len(g.Stack) > 0 && !g.StackCut {
					require.Equal(t, own[g.ID].stack, g.Stacktrace())
				}
			}
		})
	}
}
