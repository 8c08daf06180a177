// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"
)

// fault is what the proxy does to an INSERT. Each member is one way to fail.
type fault struct {
	// code is answered in place of the server, which hears nothing.
	code proto.Error
	// cutInBlock ends both connections within the block's bytes.
	cutInBlock bool
	// reset ends them as the INSERT comes, with a TCP reset.
	reset bool
	// cutAnswer ends the client's connection when the server has answered: after
	// it stored the rows, before the client hears of it.
	cutAnswer bool
	// delay passes before each piece that goes either way.
	delay time.Duration
}

// proxy stands between an exporter and an engine.
type proxy struct {
	endpoint string
	to       string
	listener net.Listener
	running  sync.WaitGroup

	mu   sync.Mutex
	next fault
	left int
	open map[net.Conn]struct{}
	// hits are faults that came about.
	hits atomic.Int64
}

// startProxy passes on to an address until the test ends.
func startProxy(t *testing.T, to string) *proxy {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{endpoint: listener.Addr().String(), to: to, listener: listener, open: map[net.Conn]struct{}{}}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		p.mu.Lock()
		for conn := range p.open {
			_ = conn.Close()
		}
		p.mu.Unlock()
		p.running.Wait()
	})
	return p
}

// misbehave does that to the next so many INSERTs.
func (p *proxy) misbehave(f fault, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next, p.left = f, times
}

func (p *proxy) take() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 {
		return fault{}
	}
	p.left--
	return p.next
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // it was closed
		}
		p.running.Go(func() { p.serve(client) })
	}
}

// keep has the end of the test close a connection.
func (p *proxy) keep(conn net.Conn) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[conn] = struct{}{}
	return func() {
		_ = conn.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, conn)
	}
}

func (p *proxy) serve(client net.Conn) {
	defer p.keep(client)()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return // the engine is down, as the client hears
	}
	defer p.keep(server)()
	c := &connection{proxy: p, client: client, server: server}
	var directions sync.WaitGroup
	for _, copying := range []func() error{c.up, c.down} {
		directions.Go(func() {
			if err := copying(); !errors.Is(err, errAnswered) {
				_ = client.Close()
			}
			_ = server.Close()
		})
	}
	directions.Wait()
}

// connection is one connection of a client and what becomes of its INSERT.
type connection struct {
	*proxy
	client, server net.Conn

	mu    sync.Mutex
	fault fault
	// pieces that went up and down since the INSERT came.
	ups, downs int
}

// piece is more than the statement of an INSERT and its settings.
const piece = 64 << 10

var (
	errFault    = errors.New("a fault")
	errAnswered = errors.New("answered with an error")
)

// up passes on what the client sends.
func (c *connection) up() error {
	buffer := make([]byte, piece)
	for {
		n, err := c.client.Read(buffer)
		if err != nil {
			return err
		}
		f, ups := c.sent(buffer[:n])
		time.Sleep(f.delay)
		switch {
		case f.code != 0:
			return c.answer(f.code)
		case f.reset:
			c.hits.Add(1)
			return errors.Join(errFault, c.client.(*net.TCPConn).SetLinger(0))
		case f.cutInBlock && ups == 2:
			c.hits.Add(1)
			_, err := c.server.Write(buffer[:n/2])
			return errors.Join(errFault, err)
		}
		if _, err := c.server.Write(buffer[:n]); err != nil {
			return err
		}
	}
}

// sent notices an INSERT, and is its fault and how many pieces came of it.
func (c *connection) sent(data []byte) (fault, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Contains(data, []byte("INSERT INTO")) {
		c.fault, c.ups, c.downs = c.take(), 0, 0
		if c.fault.delay > 0 {
			c.hits.Add(1)
		}
	}
	c.ups++
	return c.fault, c.ups
}

// answer tells the client of an exception, and reads what it still sends.
func (c *connection) answer(code proto.Error) error {
	c.hits.Add(1)
	var packet proto.Buffer
	proto.ServerCodeException.Encode(&packet)
	packet.PutInt32(int32(code))
	packet.PutString("DB::Exception")
	packet.PutString("DB::Exception: as the test wants it")
	packet.PutString("")
	packet.PutBool(false)
	_ = c.server.Close()
	if _, err := c.client.Write(packet.Buf); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c.client)
	return errors.Join(err, c.client.Close())
}

// down passes on what the server answers. It sends the header of an INSERT in
// one piece, and nothing more until it has stored the rows.
func (c *connection) down() error {
	buffer := make([]byte, piece)
	for {
		n, err := c.server.Read(buffer)
		if err != nil {
			return errors.Join(err, c.ended())
		}
		c.mu.Lock()
		c.downs++
		f, answered := c.fault, c.downs == 2 && buffer[n-1] == byte(proto.ServerCodeEndOfStream)
		c.mu.Unlock()
		time.Sleep(f.delay)
		if f.cutAnswer && answered {
			c.hits.Add(1)
			return errFault
		}
		if _, err := c.client.Write(buffer[:n]); err != nil {
			return err
		}
	}
}

// ended is errAnswered where it is the proxy that ended the server's connection.
func (c *connection) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault.code != 0 {
		return errAnswered
	}
	return nil
}
