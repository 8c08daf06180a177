// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSameProgram(t *testing.T) {
	p := Process{PID: 7, StartTicks: 8, startStack: 9, image: fileKey{device: 1, inode: 2, size: 3, modified: 4}}
	again := p
	again.TargetIndex, again.ServiceName, again.Executable = 3, "renamed", "/moved"
	assert.True(t, p.SameProgram(&again), "another target, and its file was renamed")
	for name, change := range map[string]func(*Process){
		"another":                      func(p *Process) { p.PID++ },
		"its PID was given again":      func(p *Process) { p.StartTicks++ },
		"it executed":                  func(p *Process) { p.startStack++ },
		"it executed another file":     func(p *Process) { p.image.inode++ },
		"it executed what was rebuilt": func(p *Process) { p.image.modified++ },
	} {
		other := p
		change(&other)
		assert.False(t, p.SameProgram(&other), name)
	}
}
