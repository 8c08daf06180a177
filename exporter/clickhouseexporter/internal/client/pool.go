// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go"
)

// pingTimeout bounds the check of an idle connection: an answer takes one
// round trip.
const pingTimeout = 2 * time.Second

// ErrClosed means that the client was closed.
var ErrClosed = errors.New("the client is closed")

// pool keeps idle connections for reuse. It starts no goroutine: connections
// are checked when they are taken and closed when they failed or grew old.
// (ch-go's own chpool neither checks a connection before it is used, nor
// closes one whose handshake failed.)
type pool struct {
	dialer      *dialer
	options     ch.Options
	maxLifetime time.Duration
	slots       chan struct{}

	mu     sync.Mutex
	idle   []connection
	closed bool
}

type connection struct {
	*ch.Client
	opened time.Time
}

func newPool(options Options) *pool {
	return &pool{
		dialer:      newDialer(options),
		maxLifetime: options.MaxLifetime,
		slots:       make(chan struct{}, options.MaxConnections),
		options: ch.Options{
			Database:         options.Database,
			User:             options.User,
			Password:         options.Password,
			Settings:         options.Settings,
			Compression:      options.Compression,
			CompressionLevel: options.CompressionLevel,
			ClientName:       options.ClientName,
			HandshakeTimeout: options.DialTimeout,
		},
	}
}

// with runs one exchange on a connection of its own. A connection on which an
// exchange failed is not used again: the server may still be reading what was
// sent on it.
func (p *pool) with(ctx context.Context, exchange func(*ch.Client) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a free connection: %w", ctx.Err())
	}
	conn, err := p.take(ctx)
	if err != nil {
		return err
	}
	if err := exchange(conn.Client); err != nil {
		return errors.Join(err, ignoreClosed(conn.Close()))
	}
	p.release(conn)
	return nil
}

// take is an idle connection that answers, or a new one.
func (p *pool) take(ctx context.Context) (connection, error) {
	for {
		conn, ok, err := p.pop()
		if err != nil {
			return connection{}, err
		}
		if !ok {
			return p.open(ctx)
		}
		if p.alive(ctx, conn) {
			return conn, nil
		}
		// The connection is gone, and with it nothing but itself.
		_ = conn.Close()
	}
}

func (p *pool) pop() (connection, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return connection{}, false, ErrClosed
	}
	last := len(p.idle) - 1
	if last < 0 {
		return connection{}, false, nil
	}
	conn := p.idle[last]
	p.idle = p.idle[:last]
	return conn, true, nil
}

func (p *pool) alive(ctx context.Context, conn connection) bool {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return conn.Ping(ctx) == nil
}

func (p *pool) open(ctx context.Context) (connection, error) {
	conn, err := p.dialer.dial(ctx)
	if err != nil {
		return connection{}, err
	}
	client, err := ch.Connect(ctx, conn, p.options)
	if err != nil {
		// Closed already where the context ended in the handshake.
		_ = conn.Close()
		return connection{}, fmt.Errorf("log in to %s: %w", conn.RemoteAddr(), err)
	}
	return connection{Client: client, opened: time.Now()}, nil
}

// release keeps the connection for the next exchange, unless it is old or the
// pool is closed.
func (p *pool) release(conn connection) {
	p.mu.Lock()
	keep := !p.closed && !conn.IsClosed() && time.Since(conn.opened) < p.maxLifetime
	if keep {
		p.idle = append(p.idle, conn)
	}
	p.mu.Unlock()
	if !keep {
		// The exchange is done: what happens to its connection cannot fail it.
		_ = conn.Close()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, conn := range idle {
		// There is nothing left to be lost on an idle connection.
		_ = conn.Close()
	}
}

// ignoreClosed drops the error of closing what was closed before.
func ignoreClosed(err error) error {
	if errors.Is(err, ch.ErrClosed) {
		return nil
	}
	return err
}
