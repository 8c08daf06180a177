// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/internal/engineenv"
)

// process is one life of the engine.
type process struct {
	command *exec.Cmd
	stdin   io.Closer     // the engine stops when it closes: when the agent dies, too
	said    *lastLines    // what the engine said at its end
	ended   chan struct{} // closed at its end
	err     error         // how it ended
}

func startProcess(binary string, arguments []string, log *zap.Logger) (*process, error) {
	p := &process{
		command: exec.CommandContext(context.Background(), binary, arguments...),
		said:    &lastLines{},
		ended:   make(chan struct{}),
	}
	p.command.Env = engineenv.Of(os.Environ())
	ownGroup(p.command)
	stdin, err := p.command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making the engine's standard input: %w", err)
	}
	p.stdin = stdin
	output := &logWriter{log: log, last: p.said}
	p.command.Stdout, p.command.Stderr = output, output
	if err := p.command.Start(); err != nil {
		_ = stdin.Close() // the start's error is the one that matters
		return nil, fmt.Errorf("starting %s: %w", binary, err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.command.Wait()
		output.flush()
	}()
	return p, nil
}

// cause says why a process that ended did so, in its own words where there are
// any.
func (p *process) cause() error {
	how := "it exited"
	if p.err != nil {
		how = p.err.Error()
	}
	if said := p.said.text(); said != "" {
		return fmt.Errorf("the engine ended (%s): %s", how, said)
	}
	return fmt.Errorf("the engine ended (%s)", how)
}

// stop ends the process: first politely, and by force when that takes longer
// than patience. It returns why the process ended when that was not cleanly: an
// engine exits with 0 once all that it received is stored.
func (p *process) stop(patience time.Duration) error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		<-p.ended // it ended on its own
		return p.failure()
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.ended:
		return p.failure()
	case <-timer.C:
		if err := p.kill(); err != nil {
			return err
		}
		return fmt.Errorf("the ClickHouse engine did not stop within stop_timeout (%s) and was killed", patience)
	}
}

// failure is the cause of an end that was not clean, else nil.
func (p *process) failure() error {
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("stopping the ClickHouse engine: %w", p.cause())
}

// kill ends the process by force and waits for its end.
func (p *process) kill() error {
	err := p.command.Process.Kill()
	<-p.ended
	if err != nil && p.err == nil {
		return fmt.Errorf("killing the engine: %w", err)
	}
	return nil
}
