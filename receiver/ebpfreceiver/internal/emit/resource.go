// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
)

// PutResource describes a process by the semantic conventions. What the process
// says of itself in OTEL_RESOURCE_ATTRIBUTES comes first, so that its telemetry
// and ours name the same resource; what the kernel knows better is written over.
func PutResource(attributes pcommon.Map, p *discover.Process) {
	for name, value := range p.ResourceAttributes {
		attributes.PutStr(name, value)
	}
	attributes.PutStr("service.name", p.ServiceName)
	attributes.PutInt("process.pid", int64(p.PID))
	attributes.PutStr("process.executable.name", p.ExecutableName)
	attributes.PutStr("process.executable.path", p.Executable)
	attributes.PutStr("process.creation.time", p.StartTime.UTC().Format(time.RFC3339Nano))
	attributes.PutStr("process.runtime.name", "go")
	attributes.PutStr("process.runtime.version", p.GoVersion)
	if p.ContainerID != "" {
		attributes.PutStr("container.id", p.ContainerID)
	}
}
