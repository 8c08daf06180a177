// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatch(t *testing.T) {
	tests := map[string]struct {
		targets    []Target
		pid        int
		executable string
		cgroup     string
		index      int
		ok         bool
	}{
		"no targets":           {nil, 7, "/bin/x", "/", NoTarget, true},
		"empty target":         {[]Target{{}}, 7, "/bin/x", "/", 0, true},
		"exact path":           {[]Target{{Executable: "/bin/x"}}, 7, "/bin/x", "/", 0, true},
		"star stays in folder": {[]Target{{Executable: "/opt/*"}}, 7, "/opt/shop/cart", "/", 0, false},
		"star":                 {[]Target{{Executable: "/opt/shop/*"}}, 7, "/opt/shop/cart", "/", 0, true},
		"double star":          {[]Target{{Executable: "/opt/**"}}, 7, "/opt/shop/cart", "/", 0, true},
		"double star inside":   {[]Target{{Executable: "**/cart"}}, 7, "/opt/shop/cart", "/", 0, true},
		"braces":               {[]Target{{Executable: "/opt/{cart,pay}"}}, 7, "/opt/pay", "/", 0, true},
		"not a prefix":         {[]Target{{Executable: "/opt/cart"}}, 7, "/opt/cart2", "/", 0, false},
		"pid":                  {[]Target{{PID: 7}}, 7, "/bin/x", "/", 0, true},
		"another pid":          {[]Target{{PID: 8}}, 7, "/bin/x", "/", 0, false},
		"cgroup":               {[]Target{{Cgroup: "/kubepods.slice/**"}}, 7, "/bin/x", "/kubepods.slice/a/b", 0, true},
		"another cgroup":       {[]Target{{Cgroup: "/kubepods.slice/**"}}, 7, "/bin/x", "/system.slice/a", 0, false},
		"no cgroup":            {[]Target{{Cgroup: "/**"}}, 7, "/bin/x", "", 0, false},
		"all keys":             {[]Target{{Executable: "/bin/*", PID: 7, Cgroup: "/a"}}, 7, "/bin/x", "/a", 0, true},
		"all keys but one":     {[]Target{{Executable: "/bin/*", PID: 7, Cgroup: "/a"}}, 7, "/bin/x", "/b", 0, false},
		"first wins":           {[]Target{{PID: 8}, {Executable: "/bin/*"}, {PID: 7}}, 7, "/bin/x", "/", 1, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, target := range test.targets {
				require.NoError(t, target.Validate())
			}
			s, err := match(test.targets, test.pid, test.executable, &saidFacts{groups: parseCgroups("0::" + test.cgroup)})
			require.NoError(t, err)
			assert.Equal(t, test.ok, s.ok)
			assert.False(t, s.awaited)
			if s.ok {
				assert.Equal(t, test.index, s.index)
			}
		})
	}
}

// saidFacts are what a test says of a process.
type saidFacts struct {
	groups cgroups
	ports  []uint16
	asked  []string
	err    error
}

func (f *saidFacts) cgroups() (cgroups, error) {
	f.asked = append(f.asked, "cgroups")
	return f.groups, f.err
}

func (f *saidFacts) listens(on PortRange) (bool, error) {
	f.asked = append(f.asked, "ports")
	return slices.ContainsFunc(f.ports, on.contains), f.err
}

func TestMatchAsksOnlyForWhatDecides(t *testing.T) {
	port := PortRange{80, 80}
	for name, test := range map[string]struct {
		targets []Target
		asked   []string
	}{
		"nothing":           {[]Target{{PID: 8, Cgroup: "/a", OpenPort: port}, {Executable: "/x", Container: "*"}, {PID: 7}}, nil},
		"cgroup":            {[]Target{{PID: 7, Cgroup: "/a"}}, []string{"cgroups"}},
		"container":         {[]Target{{PID: 7, Container: "*"}}, []string{"cgroups"}},
		"port":              {[]Target{{PID: 7, OpenPort: port}}, []string{"ports"}},
		"port after cgroup": {[]Target{{Cgroup: "/b", OpenPort: port}}, []string{"cgroups"}},
		"first wins":        {[]Target{{PID: 7}, {OpenPort: port}}, nil},
	} {
		of := &saidFacts{groups: parseCgroups("0::/a")}
		_, err := match(test.targets, 7, "/bin/x", of)
		require.NoError(t, err)
		assert.Equal(t, test.asked, of.asked, name)
		if test.asked != nil {
			of.err = errors.New("unreadable")
			_, err = match(test.targets, 7, "/bin/x", of)
			require.ErrorIs(t, err, of.err, name)
		}
	}
}

func TestMatchByContainer(t *testing.T) {
	const id = "dc579f8a8319c8cf7d38e1adf263bc08d230600179e9d1f4a3d1a3b4c5d6e7f8"
	for wanted, matches := range map[string]bool{
		id: true, id[:12]: true, id[:13]: true, "dc579*": true, "*": true, "{dc,aa}*": true,
		"aa579f8a8319": false, "aa*": false, "dc579f8a831?": false, id + "0": false,
	} {
		target := Target{Container: wanted}
		require.NoError(t, target.Validate())
		s, err := match([]Target{target}, 7, "/bin/x", &saidFacts{groups: parseCgroups("0::/docker/" + id)})
		require.NoError(t, err)
		assert.Equal(t, matches, s.ok, wanted)
		s, err = match([]Target{target}, 7, "/bin/x", &saidFacts{groups: parseCgroups("0::/system.slice/ssh.service")})
		require.NoError(t, err)
		assert.False(t, s.ok, "%s outside of a container", wanted)
	}
}

func TestMatchByPort(t *testing.T) {
	of := &saidFacts{ports: []uint16{80, 9090}}
	targets := []Target{{OpenPort: PortRange{8000, 8999}}, {OpenPort: PortRange{9000, 9999}}, {OpenPort: PortRange{80, 80}}}
	s, err := match(targets, 7, "/bin/x", of)
	require.NoError(t, err)
	assert.Equal(t, selection{index: 1, ok: true, awaited: true}, s, "the first target may still be fulfilled")
	s, err = match(targets[:1], 7, "/bin/x", of)
	require.NoError(t, err)
	assert.Equal(t, selection{awaited: true}, s)
	s, err = match(targets[1:], 7, "/bin/x", of)
	require.NoError(t, err)
	assert.Equal(t, selection{ok: true}, s)
}

func TestValidateNamesEachKey(t *testing.T) {
	err := Target{Executable: "opt/[", PID: -1, Cgroup: "/{a", Container: "cart"}.Validate()
	require.Error(t, err)
	for _, want := range []string{"executable: \"opt/[\" is no valid glob", "absolute paths", "pid: -1", "cgroup: \"/{a\" is no valid glob", "container: \"cart\" never matches"} {
		assert.ErrorContains(t, err, want)
	}
	assert.NoError(t, Target{}.Validate())
}
