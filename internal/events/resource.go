// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package events

// Attributes of the resource, an observed process, by the semantic conventions.
const (
	ServiceName           = "service.name"
	ProcessID             = "process.pid"
	ProcessExecutableName = "process.executable.name"
	ProcessExecutablePath = "process.executable.path"
	ProcessCreationTime   = "process.creation.time"
	ProcessRuntimeName    = "process.runtime.name"
	ProcessRuntimeVersion = "process.runtime.version"
	ContainerID           = "container.id"
	PodUID                = "k8s.pod.uid"
)
