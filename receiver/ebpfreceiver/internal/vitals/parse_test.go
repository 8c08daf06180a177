// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package vitals

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	mountsOfUnified = `24 1 0:22 / /proc rw,relatime shared:5 - proc proc rw
35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev shared:9 - cgroup2 cgroup2 rw,nsdelegate
99 24 0:30 / /mnt/again rw - cgroup2 cgroup2 rw
`
	mountsOfHybrid = `32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
	mountsOfContainer = `35 24 0:30 /pods/a\040b /sys/fs/cgroup ro - cgroup2 cgroup ro
`
)

func TestLevels(t *testing.T) {
	for name, test := range map[string]struct {
		mounts, cgroups string
		want            []level
	}{
		"version 2": {mountsOfUnified, "0::/kubepods.slice/pod1/c1\n", []level{
			{"/kubepods.slice/pod1/c1", "/sys/fs/cgroup/kubepods.slice/pod1/c1"},
			{"/kubepods.slice/pod1", "/sys/fs/cgroup/kubepods.slice/pod1"},
			{"/kubepods.slice", "/sys/fs/cgroup/kubepods.slice"},
		}},
		"the root has no limit": {mountsOfUnified, "0::/\n", nil},
		"the controller is in version 1": {mountsOfHybrid, "9:cpuset:/other\n4:cpu,cpuacct:/docker/c1\n0::/unified/path\n", []level{
			{"/docker/c1", "/sys/fs/cgroup/cpu,cpuacct/docker/c1"},
			{"/docker", "/sys/fs/cgroup/cpu,cpuacct/docker"},
		}},
		"a part of the hierarchy is mounted": {mountsOfContainer, "0::/pods/a b/c1\n", []level{
			{"/pods/a b/c1", "/sys/fs/cgroup/c1"},
		}},
		"outside of that part":            {mountsOfContainer, "0::/pods/other\n", nil},
		"outside of the cgroup namespace": {mountsOfUnified, "0::/../other\n", nil},
		"nothing is mounted":              {"", "0::/kubepods.slice\n", nil},
		"no cgroups":                      {mountsOfUnified, "what\nis:this\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, parseMounts(test.mounts).levels(test.cgroups))
		})
	}
}

func TestParseThrottling(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		want    Throttling
	}{
		"version 2":              {"usage_usec 9\nuser_usec 5\nnr_periods 10\nnr_throttled 4\nthrottled_usec 1500\nnr_bursts 0\n", Throttling{10, 4, 1500 * time.Microsecond}},
		"version 1":              {"nr_periods 10\nnr_throttled 4\nthrottled_time 1500\n", Throttling{10, 4, 1500}},
		"without the controller": {"usage_usec 9\nuser_usec 5\n", Throttling{}},
	} {
		got, err := parseThrottling(test.content)
		require.NoError(t, err, name)
		require.Equal(t, test.want, got, name)
	}
	_, err := parseThrottling("nr_throttled many\n")
	require.ErrorContains(t, err, "nr_throttled")
}

func TestParseFaults(t *testing.T) {
	got, err := parseFaults("42 (a) b (c)) S 1 2 3 4 5 6 700 8 900 10 11 12\n")
	require.NoError(t, err)
	require.Equal(t, Faults{Minor: 700, Major: 900}, got)
	for _, content := range []string{"", "42 (a) S 1", "42 (a) S 1 2 3 4 5 6 x 8 9"} {
		_, err := parseFaults(content)
		require.Error(t, err, content)
	}
}

// Readings of a tree of files: a limit that works, a cgroup that is made anew,
// one that goes.
func TestReadingsOfCgroups(t *testing.T) {
	point := t.TempDir()
	write := func(content string) {
		require.NoError(t, os.WriteFile(filepath.Join(point, "shop", "cpu.stat"), []byte(content), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(point, "shop"), 0o700))
	write("nr_periods 100\nnr_throttled 50\nthrottled_usec 5000\n")
	h := Hierarchies{unified: mount{root: "/", point: point}}
	p := &Process{directory: t.TempDir() + "/", hierarchies: h}
	require.NoError(t, os.WriteFile(p.directory+"cgroup", []byte("0::/shop\n"), 0o600))
	require.NoError(t, os.WriteFile(p.directory+"stat", []byte("1 (shop) S 1 2 3 4 5 6 7 8 9\n"), 0o600))
	now := time.Unix(1000, 0)
	read := func() []Throttled {
		now = now.Add(time.Second)
		throttled, _, err := p.Read(now)
		require.NoError(t, err)
		return throttled
	}
	require.Empty(t, read(), "what was before the first reading is not told")
	require.Empty(t, read())
	write("nr_periods 110\nnr_throttled 53\nthrottled_usec 5400\n")
	throttled := read()
	require.Equal(t, []Throttled{{"/shop", now.Add(-time.Second), now, Throttling{10, 3, 400 * time.Microsecond}}}, throttled)
	write("nr_periods 2\nnr_throttled 1\nthrottled_usec 7\n")
	require.Equal(t, Throttling{2, 1, 7 * time.Microsecond}, read()[0].Throttling)
	require.Equal(t, Throttling{12, 4, 407 * time.Microsecond}, p.cgroups["/shop"].total)
	require.NoError(t, os.Remove(filepath.Join(point, "shop", "cpu.stat")))
	require.Empty(t, read())
}

func FuzzParse(f *testing.F) {
	f.Add(mountsOfHybrid, "4:cpu,cpuacct:/docker/c1\n")
	f.Add(mountsOfContainer, "0::/pods/a b/c1\n")
	f.Fuzz(func(t *testing.T, mounts, content string) {
		for _, level := range parseMounts(mounts).levels(content) {
			if level.path == "" {
				t.Fatal("a cgroup without a path")
			}
		}
		_, _ = parseThrottling(content) // any error will do
		_, _ = parseFaults(content)
	})
}
