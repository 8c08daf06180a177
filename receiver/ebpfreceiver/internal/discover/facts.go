// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
)

// processFacts are those of one process, read out of /proc.
type processFacts struct {
	proc      *procfs
	listeners *listeners
	pid       int

	groups *cgroups
	ports  []uint16 // on which the process listens, once owned
	owned  bool
}

// cgroups of the process. A kernel without cgroups has none.
func (f *processFacts) cgroups() (cgroups, error) {
	if f.groups == nil {
		content, err := f.proc.read(f.pid, "cgroup")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return cgroups{}, err
		}
		groups := parseCgroups(content)
		f.groups = &groups
	}
	return *f.groups, nil
}

// listens looks at the descriptors of the process only where its network
// namespace has a socket that listens on a port of the range.
func (f *processFacts) listens(on PortRange) (bool, error) {
	if !f.owned {
		sockets, err := f.listeners.of(f.pid)
		if err != nil {
			return false, err
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(sockets)), on.contains) {
			return false, nil
		}
		if f.ports, err = f.listeners.ownedBy(f.pid, sockets); err != nil {
			return false, err
		}
		f.owned = true
	}
	return slices.ContainsFunc(f.ports, on.contains), nil
}
