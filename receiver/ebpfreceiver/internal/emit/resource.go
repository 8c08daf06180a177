// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
)

// PutResource describes a process by the semantic conventions. What the process
// says of itself in OTEL_RESOURCE_ATTRIBUTES comes first, so that its telemetry
// and ours name the same resource; what the kernel knows better is written over.
func PutResource(attributes pcommon.Map, p *discover.Process) {
	for name, value := range p.ResourceAttributes {
		attributes.PutStr(name, value)
	}
	attributes.PutStr(events.ServiceName, p.ServiceName)
	attributes.PutInt(events.ProcessID, int64(p.PID))
	attributes.PutStr(events.ProcessExecutableName, p.ExecutableName)
	attributes.PutStr(events.ProcessExecutablePath, p.Executable)
	attributes.PutStr(events.ProcessCreationTime, p.StartTime.UTC().Format(time.RFC3339Nano))
	attributes.PutStr(events.ProcessRuntimeName, "go")
	attributes.PutStr(events.ProcessRuntimeVersion, p.GoVersion)
	if p.ContainerID != "" {
		attributes.PutStr(events.ContainerID, p.ContainerID)
	}
	if p.PodUID != "" {
		attributes.PutStr(events.PodUID, p.PodUID)
	}
}
