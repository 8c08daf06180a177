// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"strings"
	"sync"
	"time"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/statement"
)

// killer ends the statements of sessions. However many are to be ended, one
// KILL QUERY at a time runs for all of them.
type killer struct {
	engine *Engine
	group  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	targets map[string]struct{}
	running bool

	round sync.Mutex // held from the choice of targets to the end of their KILL
}

// Kill ends the statement that a session runs. It may be called while that
// session's goroutine waits for the engine. The engine may not have registered
// the statement yet, so it is tried again until release is called; the session
// may begin another statement then.
func (e *Engine) Kill(session *Session) (release func()) {
	k := &e.killer
	k.mu.Lock()
	defer k.mu.Unlock()
	k.targets[session.tag] = struct{}{}
	if !k.running {
		k.running = true
		k.group.Go(k.run)
	}
	return func() {
		k.mu.Lock()
		delete(k.targets, session.tag)
		k.mu.Unlock()
		k.round.Lock() // a KILL that is under way may still mean this session
		defer k.round.Unlock()
	}
}

func (k *killer) run() {
	const pause = 100 * time.Millisecond
	for k.next() {
		time.Sleep(pause)
	}
}

// next kills what is to be killed now, and says whether there was anything. A
// KILL that fails is tried again in the next round.
func (k *killer) next() bool {
	k.round.Lock()
	defer k.round.Unlock()
	targets := k.choose()
	if len(targets) == 0 {
		return false
	}
	_, _ = k.engine.control.Query("KILL QUERY WHERE Settings['log_comment'] IN ("+strings.Join(targets, ", ")+") ASYNC", "Null")
	return true
}

func (k *killer) choose() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	targets := make([]string, 0, len(k.targets))
	for tag := range k.targets {
		targets = append(targets, statement.Text(tag))
	}
	k.running = len(targets) > 0
	return targets
}
