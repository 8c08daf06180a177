// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import "slices"

// resolve is the process that a resource names, if it can be but one.
func (m *reference) resolve(id Process) *Process {
	if id.Service == "" {
		return nil
	}
	id.Service = m.receiverName(id.Service)
	var all, possible, same []Process
	for _, r := range m.records {
		all = append(all, r.process)
	}
	for _, s := range m.spans {
		if id.PID != 0 && s.left && s.process != nil {
			all = append(all, *s.process)
		}
	}
	for _, p := range all {
		if p.Service != id.Service || id.PID != 0 && p.PID != id.PID || differentHosts(id.Host, p.Host) || slices.Contains(possible, p) {
			continue
		}
		possible = append(possible, p)
		if p.Host == id.Host && id.Host != (Host{}) {
			same = append(same, p)
		}
	}
	switch {
	case len(possible) == 1:
		return &possible[0]
	case len(same) == 1:
		return &same[0]
	}
	return nil
}

// differentHosts knows the hosts of the world: two names that differ.
func differentHosts(a, b Host) bool { return a != b && a != (Host{}) && b != (Host{}) }

// agreedBy is what events say of the span of the key, by all pairs of them.
func agreedBy(key SpanKey, list []*Event) (a Agreed) {
	var peers []Peer
	var paths []string
	for _, e := range list {
		switch {
		case e.Key != key:
		case e.Kind == KindNetwork && e.Error == "" && !slices.Contains(peers, e.Peer):
			peers = append(peers, e.Peer)
		case e.Kind == KindFile:
			a.FileTime += e.Interval.End - e.Interval.Start
			if !slices.Contains(paths, e.Path) {
				paths = append(paths, e.Path)
			}
		}
	}
	if len(peers) == 1 {
		a.Peer = peers[0]
	}
	if len(paths) != 1 {
		a.FileTime = 0
		return a
	}
	a.Path = paths[0]
	return a
}
