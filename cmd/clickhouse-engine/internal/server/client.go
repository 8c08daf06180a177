// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/chdb"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/engine"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/wire"
)

// client is one connection with its session.
type client struct {
	server  *Server
	conn    net.Conn
	in      *wire.Reader
	out     *wire.Writer
	refused bool // there are too many clients

	session  *engine.Session
	revision uint64 // of the client

	stopped context.Context // ends when the server closes
	stop    context.CancelFunc
	mu      sync.Mutex // orders deadlines with stop
}

func newClient(s *Server, conn net.Conn) *client {
	c := &client{server: s, conn: conn, in: wire.NewReader(conn), out: wire.NewWriter(conn)}
	c.stopped, c.stop = context.WithCancel(context.Background())
	return c
}

// serve speaks with the client until it goes, fails, or the server closes.
func (c *client) serve() {
	defer c.conn.Close()
	defer c.stop()
	defer context.AfterFunc(c.stopped, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // a failure shows at the next read
		_ = c.conn.SetWriteDeadline(time.Now().Add(lastWords))
	})()
	defer func() {
		if cause := recover(); cause != nil {
			c.server.log.Error("a client's connection failed", "cause", cause, "stack", string(debug.Stack()))
		}
	}()
	defer func() {
		if c.session != nil {
			c.session.Close()
		}
	}()
	err := c.converse()
	if !errors.Is(err, io.EOF) && c.stopped.Err() == nil {
		c.server.log.Info("a client's connection ended", "client", c.conn.RemoteAddr().String(), "error", err)
	}
}

func (c *client) converse() error {
	if err := c.hello(); err != nil {
		return err
	}
	for {
		if err := c.waitAtMost(c.server.config.IdleTimeout); err != nil {
			return err
		}
		code, err := c.in.Code()
		if err != nil {
			return err
		}
		if err := c.packet(proto.ClientCode(code)); err != nil {
			return err
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
}

func (c *client) packet(code proto.ClientCode) error {
	if err := c.waitAtMost(c.server.config.TransferTimeout); err != nil {
		return err
	}
	switch code {
	case proto.ClientCodePing:
		return c.out.Pong()
	case proto.ClientCodeCancel:
		return nil // the query that it was for has ended
	case proto.ClientCodeQuery:
		query, err := c.in.Query(c.revision)
		if err != nil {
			return fmt.Errorf("reading a query: %w", err)
		}
		return c.answer(query)
	}
	return fmt.Errorf("an unexpected packet %d", code)
}

func (c *client) hello() error {
	if err := c.waitAtMost(c.server.config.HelloTimeout); err != nil {
		return err
	}
	code, err := c.in.Code()
	if err != nil {
		return err
	}
	if proto.ClientCode(code) != proto.ClientCodeHello {
		return fmt.Errorf("the first packet is %d, not a hello: the client does not speak ClickHouse's native protocol", code)
	}
	hello, err := c.in.Hello()
	if err != nil {
		return err
	}
	c.revision = min(hello.Revision, wire.Revision)
	if err := c.open(hello.Database); err != nil {
		return errors.Join(err, c.exception(err), c.flush())
	}
	identity := c.server.engine.Identity
	err = c.out.Hello(wire.Server{
		Name: "ClickHouse", DisplayName: "clickhouse-engine", Timezone: identity.Timezone,
		Major: identity.Major, Minor: identity.Minor, Patch: identity.Patch,
	}, hello.Revision)
	return errors.Join(err, c.flush())
}

func (c *client) open(database string) (err error) {
	if c.refused {
		return &chdb.Error{
			Code: codeTooManyQueries, Name: exceptionName,
			Message: fmt.Sprintf("DB::Exception: Too many connections, the maximum is %d", c.server.config.MaxConnections),
		}
	}
	c.session, err = c.server.engine.Session(database)
	return err
}

// ClickHouse's numbers of the errors that the server itself answers with.
const (
	exceptionName        = "DB::Exception"
	codeNotImplemented   = 48
	codeIncorrectData    = 117
	codeTooManyQueries   = 202
	codeNetworkError     = 210
	codeAborted          = 236
	codeUnknownException = 1002
)

// exception answers with an error, under the number that the engine gave it.
func (c *client) exception(cause error) error {
	var exception *chdb.Error
	if !errors.As(cause, &exception) {
		exception = &chdb.Error{Code: codeUnknownException, Name: exceptionName, Message: "DB::Exception: " + cause.Error()}
	}
	return c.out.Exception(exception.Code, exception.Name, exception.Message)
}

// waitAtMost bounds how long the next reads may take in all. It fails once the
// server closes.
func (c *client) waitAtMost(limit time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped.Err() != nil {
		return errors.New("the server closes")
	}
	return c.conn.SetReadDeadline(time.Now().Add(limit))
}

// lastWords is how long a client may take an answer once the server closes.
const lastWords = 3 * time.Second

func (c *client) flush() error {
	if err := c.boundWrites(); err != nil {
		return err
	}
	return c.out.Flush()
}

func (c *client) boundWrites() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := c.server.config.TransferTimeout
	if c.stopped.Err() != nil {
		limit = lastWords
	}
	return c.conn.SetWriteDeadline(time.Now().Add(limit))
}
