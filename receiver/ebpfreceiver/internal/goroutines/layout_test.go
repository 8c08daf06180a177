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
	symbol    goexec.Symbol
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
	if name == p.symbol.Name {
		return p.symbol, nil
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
		"a place of odd size": {partial{symbol: goexec.Symbol{Name: "runtime.allgptr", Addr: 8, Size: 16}}, errMismatch, "16"},
		"a length likewise":   {partial{symbol: goexec.Symbol{Name: "runtime.allglen", Addr: 8, Size: 4}}, errMismatch, "4"},
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
