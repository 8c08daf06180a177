// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// Config says which engine to run, and how patiently.
type Config struct {
	// Binary is the path of clickhouse-engine.
	Binary string
	// Endpoint, Path, Library and MemoryMiB are passed on to it.
	Endpoint, Path, Library string
	MemoryMiB               int
	// StartTimeout is how long it may take until it answers, StopTimeout how
	// long it may take to stop before it is killed.
	StartTimeout, StopTimeout time.Duration
	// The wait before it is started again doubles from InitialInterval to
	// MaxInterval.
	InitialInterval, MaxInterval time.Duration
}

// Observer hears what becomes of the engine.
type Observer interface {
	// Started says that the engine answers.
	Started()
	// Died says that the engine ended, or did not start, unasked.
	Died(cause error)
}

// Supervisor runs one engine.
type Supervisor struct {
	config   Config
	observer Observer
	log      *zap.Logger
	stop     context.CancelFunc
	done     chan error // gets the end of the last process, then is closed
}

// New makes a supervisor that runs nothing yet.
func New(config Config, observer Observer, log *zap.Logger) *Supervisor {
	return &Supervisor{config: config, observer: observer, log: log}
}

// Start starts the engine and waits until it answers. When that fails there is
// no process left, and Stop has nothing to do.
func (s *Supervisor) Start(ctx context.Context) error {
	p, err := s.launch(ctx)
	if err != nil {
		return err
	}
	s.observer.Started()
	running, stop := context.WithCancel(context.Background())
	s.stop, s.done = stop, make(chan error, 1)
	go func() {
		defer close(s.done)
		s.done <- s.guard(running, p)
	}()
	return nil
}

// Stop stops the engine and waits for its end. A second call does nothing.
func (s *Supervisor) Stop(ctx context.Context) error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the ClickHouse engine to stop: %w", ctx.Err())
	}
}

// checkFree finds out whether the endpoint is another's. The engine would say
// so too, but whoever holds the port could answer in its place.
func checkFree(ctx context.Context, endpoint string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", endpoint)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("endpoint: %s is in use by another process, perhaps an engine of another agent; stop it, or set another endpoint", endpoint)
	}
	if err != nil {
		return fmt.Errorf("endpoint: listening on %s: %w", endpoint, err)
	}
	return listener.Close()
}

// launch starts a process and waits until it answers; a process that does not
// is ended.
func (s *Supervisor) launch(ctx context.Context) (*process, error) {
	if err := checkFree(ctx, s.config.Endpoint); err != nil {
		return nil, err
	}
	p, err := startProcess(s.config.Binary, s.arguments(), s.log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.StartTimeout)
	defer cancel()
	if err := s.waitUntilAnswering(ctx, p); err != nil {
		return nil, errors.Join(err, p.kill())
	}
	return p, nil
}

func (s *Supervisor) arguments() []string {
	arguments := []string{
		"serve", "--stop-with-stdin", "--log-format=json",
		"--listen=" + s.config.Endpoint,
		"--path=" + s.config.Path,
		fmt.Sprintf("--memory-mib=%d", s.config.MemoryMiB),
	}
	if s.config.Library != "" {
		arguments = append(arguments, "--library="+s.config.Library)
	}
	return arguments
}

func (s *Supervisor) waitUntilAnswering(ctx context.Context, p *process) error {
	const interval = 25 * time.Millisecond
	for {
		err := greet(ctx, s.config.Endpoint)
		select {
		case <-p.ended: // if there was an answer, it was another's
			return p.cause()
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return p.cause()
		case <-ctx.Done():
			return fmt.Errorf("the engine did not answer on %s within start_timeout (%s): %w", s.config.Endpoint, s.config.StartTimeout, err)
		case <-time.After(interval):
		}
	}
}

// guard starts the engine again each time it dies, until ctx ends; then it
// stops the engine.
func (s *Supervisor) guard(ctx context.Context, p *process) error {
	wait := backoff{initial: s.config.InitialInterval, max: s.config.MaxInterval}
	for {
		started := time.Now()
		select {
		case <-ctx.Done():
			return p.stop(s.config.StopTimeout)
		case <-p.ended:
		}
		wait.ran(time.Since(started))
		p = s.relaunch(ctx, &wait, p.cause())
		if p == nil {
			return nil
		}
	}
}

// relaunch tries until the engine answers, and returns nil when ctx ends first.
func (s *Supervisor) relaunch(ctx context.Context, wait *backoff, cause error) *process {
	for {
		s.observer.Died(cause)
		pause := wait.next()
		s.log.Error("the ClickHouse engine ended; starting it again", zap.Error(cause), zap.Duration("in", pause))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		p, err := s.launch(ctx)
		if err == nil {
			s.log.Info("the ClickHouse engine answers again")
			s.observer.Started()
			return p
		}
		if ctx.Err() != nil {
			return nil
		}
		cause = err
	}
}
