// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/chdb"
)

// watched runs a query while it listens for the client to cancel it or to go,
// and for the server to close; then the query is killed. It returns the error
// of the query, for the client, and an error of the connection, which ends it.
func (c *client) watched(run func(cancelled func() bool) error) (failed, broken error) {
	var (
		cancelled atomic.Bool
		left      atomic.Bool
		ended     = make(chan struct{}) // the query
		done      = make(chan struct{}) // the listener
	)
	if err := c.waitAtMost(24 * time.Hour); err != nil {
		return nil, err
	}
	go func() {
		defer close(done)
		next, err := c.in.Peek()
		switch {
		case err != nil && left.Load():
			return // the query ended first
		case err == nil && proto.ClientCode(next) != proto.ClientCodeCancel:
			return // the next query is here already
		}
		cancelled.Store(true)
		c.kill(ended)
	}()
	failed = run(cancelled.Load)
	left.Store(true)
	close(ended)
	c.mu.Lock()
	err := c.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the listener
	c.mu.Unlock()
	<-done
	var gone *goneError
	switch {
	case err != nil:
		return nil, err
	case errors.As(failed, &gone):
		return nil, failed
	case failed != nil && c.stopped.Err() != nil:
		return aborted("clickhouse-engine stops, and cut the statement off"), nil
	case cancelled.Load():
		return nil, nil
	}
	return failed, nil
}

// aborted is an error for a client that may ask for the same again.
func aborted(why string) error {
	return &chdb.Error{Code: codeAborted, Name: exceptionName, Message: "DB::Exception: " + why}
}

// kill ends the session's query, unless it ends by itself: a SELECT does, that
// is between two blocks.
func (c *client) kill(ended <-chan struct{}) {
	const grace = 50 * time.Millisecond
	select {
	case <-ended:
	case <-time.After(grace):
		release := c.server.engine.Kill(c.session)
		defer release()
		<-ended
	}
}
