// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/engine"
)

// Config bounds what clients may use.
type Config struct {
	// MaxConnections is how many clients may be connected; each has a session
	// of its own in the engine.
	MaxConnections int
	// HelloTimeout is for a client to say hello.
	HelloTimeout time.Duration
	// IdleTimeout is for a client between two queries.
	IdleTimeout time.Duration
	// TransferTimeout is for one packet to arrive or to be taken.
	TransferTimeout time.Duration
}

// DefaultConfig has ClickHouse's own timeouts.
func DefaultConfig() Config {
	return Config{
		MaxConnections:  256,
		HelloTimeout:    10 * time.Second,
		IdleTimeout:     time.Hour,
		TransferTimeout: 300 * time.Second,
	}
}

// Server answers clients until it is stopped.
type Server struct {
	engine *engine.Engine
	config Config
	log    *slog.Logger

	mu      sync.Mutex
	clients map[*client]struct{}
	closing bool
	running sync.WaitGroup
}

// New makes a server for an engine, which stays the caller's to close.
func New(e *engine.Engine, config Config, log *slog.Logger) *Server {
	return &Server{engine: e, config: config, log: log, clients: map[*client]struct{}{}}
}

// Serve accepts clients until ctx ends. It then lets each running INSERT end,
// stops each running query, and returns when every client is gone.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	stop := context.AfterFunc(ctx, func() {
		if err := listener.Close(); err != nil {
			s.log.Warn("closing the listener", "error", err)
		}
		s.close()
	})
	defer stop()
	err := s.accept(listener)
	if ctx.Err() == nil {
		s.close()
	} else {
		err = nil
	}
	s.running.Wait()
	return err
}

func (s *Server) accept(listener net.Listener) error {
	const pause = 50 * time.Millisecond // when there are no file descriptors
	for {
		conn, err := listener.Accept()
		var temporary interface{ Temporary() bool }
		if errors.As(err, &temporary) && temporary.Temporary() {
			s.log.Warn("accepting a client", "error", err)
			time.Sleep(pause)
			continue
		}
		if err != nil {
			return fmt.Errorf("accepting clients: %w", err)
		}
		s.start(conn)
	}
}

func (s *Server) start(conn net.Conn) {
	c := newClient(s, conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		_ = conn.Close() // it was never spoken to
		return
	}
	c.refused = len(s.clients) >= s.config.MaxConnections
	s.clients[c] = struct{}{}
	s.running.Go(func() {
		c.serve()
		s.mu.Lock()
		delete(s.clients, c)
		s.mu.Unlock()
	})
}

// close stops every client that waits for its next packet, and every query.
func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for c := range s.clients {
		c.stop()
	}
}
