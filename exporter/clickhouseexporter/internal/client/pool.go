// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go"
)

// pingTimeout bounds the check of an idle connection: an answer takes one
// round trip.
const pingTimeout = 2 * time.Second

// ErrClosed means that the client was closed.
var ErrClosed = errors.New("the client is closed")

// pool keeps idle connections for reuse. It starts no goroutine: a connection
// is checked when it is taken and closed when it failed, and each take and
// each release closes all idle ones that grew old. The one that was used last
// is taken first, so that those that are not needed grow old at the bottom.
// (ch-go's own chpool neither checks a connection before it is used, nor
// closes one whose handshake failed.)
type pool struct {
	dialer      *dialer
	maxLifetime time.Duration
	slots       chan struct{}

	mu     sync.Mutex
	idle   []connection
	closed bool
}

type connection struct {
	*session
	opened time.Time
}

func newPool(options Options) *pool {
	return &pool{
		dialer:      newDialer(options),
		maxLifetime: options.MaxLifetime,
		slots:       make(chan struct{}, options.MaxConnections),
	}
}

// with runs one exchange on a connection of its own. A connection on which an
// exchange failed is not used again: the server may still be reading what was
// sent on it.
func (p *pool) with(ctx context.Context, exchange func(*session) error) error {
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
	// An exchange looks at its context only between two packets.
	unwatch := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = exchange(conn.session)
	cut := !unwatch()
	if err != nil {
		return errors.Join(err, ctx.Err(), ignoreClosed(conn.Close()))
	}
	if !cut {
		p.release(conn)
	}
	return nil
}

// take is an idle connection that answers, or a new one. Once the context has
// ended it takes none: a connection that is not given the time to answer would
// pass for dead.
func (p *pool) take(ctx context.Context) (connection, error) {
	for {
		if err := ctx.Err(); err != nil {
			return connection{}, fmt.Errorf("take a connection: %w", err)
		}
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

// pop is the idle connection that was used last, if there is one.
func (p *pool) pop() (connection, bool, error) {
	p.mu.Lock()
	old := p.removeOld()
	defer closeAll(old)
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
	session, err := p.dialer.dial(ctx)
	if err != nil {
		return connection{}, err
	}
	return connection{session: session, opened: time.Now()}, nil
}

// release keeps the connection for the next exchange, unless it is old or the
// pool is closed.
func (p *pool) release(conn connection) {
	p.mu.Lock()
	var unwanted []connection
	if p.closed || conn.IsClosed() {
		unwanted = append(unwanted, conn)
	} else {
		p.idle = append(p.idle, conn)
		unwanted = p.removeOld()
	}
	p.mu.Unlock()
	closeAll(unwanted)
}

// removeOld takes the connections that grew old out of the idle ones. The
// caller holds the lock, and closes them when it no longer does.
func (p *pool) removeOld() []connection {
	var old []connection
	p.idle = slices.DeleteFunc(p.idle, func(conn connection) bool {
		expired := time.Since(conn.opened) >= p.maxLifetime
		if expired {
			old = append(old, conn)
		}
		return expired
	})
	return old
}

func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	closeAll(idle)
}

// closeAll closes connections on which no exchange is under way: there is
// nothing left to be lost on them.
func closeAll(connections []connection) {
	for _, conn := range connections {
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
