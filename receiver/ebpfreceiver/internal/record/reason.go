// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import "fmt"

// StopReason is why the world was stopped: runtime.stwReason, which has kept its
// order since Go 1.21 (src/runtime/proc.go).
type StopReason uint32

// The two stops that frame a garbage collection.
const (
	StopGCMarkTermination  StopReason = 1
	StopGCSweepTermination StopReason = 2
)

// String is the runtime's own name of the reason.
func (r StopReason) String() string {
	names := [...]string{
		"unknown",
		"GC mark termination",
		"GC sweep termination",
		"write heap dump",
		"goroutine profile",
		"goroutine profile cleanup",
		"all goroutines stack trace",
		"read mem stats",
		"AllThreadsSyscall",
		"GOMAXPROCS",
		"start trace",
		"stop trace",
	}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("reason %d", uint32(r))
}
