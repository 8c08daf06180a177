// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"errors"
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
			index, ok, err := match(test.targets, test.pid, test.executable, func() (string, error) { return test.cgroup, nil })
			require.NoError(t, err)
			assert.Equal(t, test.ok, ok)
			if ok {
				assert.Equal(t, test.index, index)
			}
		})
	}
}

func TestMatchAsksForTheCgroupOnlyWhereItDecides(t *testing.T) {
	asked := errors.New("asked")
	ask := func() (string, error) { return "", asked }
	_, ok, err := match([]Target{{PID: 8, Cgroup: "/a"}, {Executable: "/x", Cgroup: "/a"}, {PID: 7}}, 7, "/bin/x", ask)
	require.NoError(t, err)
	assert.True(t, ok)
	_, _, err = match([]Target{{PID: 7, Cgroup: "/a"}}, 7, "/bin/x", ask)
	require.ErrorIs(t, err, asked)
}

func TestValidateNamesEachKey(t *testing.T) {
	err := Target{Executable: "opt/[", PID: -1, Cgroup: "/{a"}.Validate()
	require.Error(t, err)
	for _, want := range []string{"executable: \"opt/[\" is no valid glob", "absolute paths", "pid: -1", "cgroup: \"/{a\" is no valid glob"} {
		assert.ErrorContains(t, err, want)
	}
	assert.NoError(t, Target{}.Validate())
}
