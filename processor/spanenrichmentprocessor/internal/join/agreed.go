// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import "strings"

// Agreed is what the events of a span agree on, of those that carry the span's
// own ID. Events that were joined by goroutine say nothing here: an inner span
// did that, which was not exported.
type Agreed struct {
	Peer     Peer   // of all connections that were made; zero where they differ or none was made
	Path     string // of all file events; empty where they differ or there is none
	FileTime int64  // nanoseconds that the file events of Path took
}

// agree finds what the events of the place agree on. It looks at all of them,
// also at those that the span does not get.
func (p *place) agree() (a Agreed) {
	peers, paths := 0, 0
	for _, r := range p.events.records {
		e := r.event
		if !p.is(&e.Key) {
			continue
		}
		switch {
		case e.Kind == KindNetwork && e.Error == "":
			if peers == 0 || e.Peer != a.Peer {
				peers++
			}
			a.Peer = e.Peer
		case e.Kind == KindFile:
			if paths == 0 || e.Path != a.Path {
				paths++
			}
			a.Path = e.Path
			a.FileTime += e.Interval.End - e.Interval.Start
		}
	}
	if peers != 1 || a.Peer.Address == "" {
		a.Peer = Peer{}
	}
	if paths != 1 || a.Path == "" || strings.HasPrefix(a.Path, cutPath) {
		a.Path, a.FileTime = "", 0
	}
	return a
}

// cutPath begins a path that was too long for the receiver.
const cutPath = "…/"
