// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import "unique"

// Process names a process as a resource does: by service.name, process.pid and
// where it runs. The PID is 0 where the resource has none. A PID means nothing
// without the machine, or the container, that it is one of.
type Process struct {
	Service string
	PID     int64
	Host    Host
}

// Origin is what a resource says of where its process runs. Each may be empty.
type Origin struct {
	ContainerID string // container.id
	PodUID      string // k8s.pod.uid
	NodeName    string // k8s.node.name
	HostID      string // host.id
	HostName    string // host.name
}

// Host is an Origin that can be compared and hashed for the price of a pointer.
// The zero value says nothing.
type Host struct {
	origin unique.Handle[Origin]
}

// HostOf returns the Host of an origin.
func HostOf(origin Origin) Host {
	if origin == (Origin{}) {
		return Host{}
	}
	return Host{unique.Make(origin)}
}

// contradicts tells whether two resources cannot be of one process: something
// that both name differs. What one of them leaves out contradicts nothing.
func (h Host) contradicts(other Host) bool {
	if h == other || h == (Host{}) || other == (Host{}) {
		return false
	}
	a, b := h.origin.Value(), other.origin.Value()
	if differ(a.ContainerID, b.ContainerID) || differ(a.PodUID, b.PodUID) || differ(a.NodeName, b.NodeName) || differ(a.HostID, b.HostID) {
		return true
	}
	// An SDK in a container takes the container's name for the host's.
	return !a.contained() && !b.contained() && differ(a.HostName, b.HostName)
}

func (o Origin) contained() bool { return o.ContainerID != "" || o.PodUID != "" }

func differ(a, b string) bool { return a != "" && b != "" && a != b }
