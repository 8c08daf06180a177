// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// tcpServer is what the target connects to. It can be deaf: a socket filter then
// drops what comes for a socket, so that it is never acknowledged.
type tcpServer struct {
	t        *testing.T
	listener *net.TCPListener
	address  netip.AddrPort
}

func newServer(t *testing.T, address string) *tcpServer {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false) // which takes no filter
	listener, err := config.Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() }) // some tests have closed it
	return &tcpServer{
		t:        t,
		listener: listener.(*net.TCPListener),
		address:  listener.Addr().(*net.TCPAddr).AddrPort(),
	}
}

// accept waits for a connection, which lasts until the test ends.
func (s *tcpServer) accept() *net.TCPConn {
	s.t.Helper()
	connection, err := s.listener.AcceptTCP()
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = connection.Close() }) // some tests have closed it
	return connection
}

func (s *tcpServer) read(connection *net.TCPConn, n int) {
	s.t.Helper()
	_, err := io.ReadFull(connection, make([]byte, n))
	require.NoError(s.t, err)
}

func (s *tcpServer) drop(socket syscall.Conn) {
	s.t.Helper()
	s.filter(socket, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0})
}

func (s *tcpServer) pass(socket syscall.Conn) {
	s.t.Helper()
	s.control(socket, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) })
}

// passFirst lets a client connect, and drops what it sends then. A filter sees a
// segment from its TCP header on: the flags are byte 13 of it, PSH is 0x08.
func (s *tcpServer) passFirst() {
	s.t.Helper()
	s.filter(s.listener,
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 0x08, Jt: 1},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 16},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0})
}

func (s *tcpServer) filter(socket syscall.Conn, program ...unix.SockFilter) {
	s.t.Helper()
	s.control(socket, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
}

func (s *tcpServer) control(socket syscall.Conn, do func(fd int) error) {
	s.t.Helper()
	raw, err := socket.SyscallConn()
	require.NoError(s.t, err)
	var failed error
	require.NoError(s.t, raw.Control(func(fd uintptr) { failed = do(int(fd)) }))
	require.NoError(s.t, failed)
}
