// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParsePortRange(t *testing.T) {
	for text, want := range map[string]PortRange{
		"1": {1, 1}, "8080": {8080, 8080}, "8000-8999": {8000, 8999}, "8000 - 8999": {8000, 8999}, "65535-65535": {65535, 65535},
	} {
		got, err := ParsePortRange(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "-1", "65536", "http", "1-", "2-1", "1-2-3", "0-8", "1.5", "0x10", "1,2"} {
		_, err := ParsePortRange(text)
		assert.ErrorContains(t, err, fmt.Sprintf("%q", text))
	}
}

// tcpTable is a /proc/net/tcp, with heading, as Linux 6.18 has it.
func tcpTable(lines ...string) string {
	const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n"
	return heading + strings.Join(lines, "")
}

func tcpLine(local, state string, inode int) string {
	return fmt.Sprintf("   0: %s 00000000:0000 %s 00000000:00000000 00:00000000 00000000     0        0 %d 1 0000000000000000 100 0 0 10 0\n", local, state, inode)
}

func TestParseListener(t *testing.T) {
	for line, want := range map[string][3]any{
		tcpTable():                                         {uint64(0), uint16(0), false},
		tcpLine("0100007F:1F90", "0A", 4711):               {uint64(4711), uint16(8080), false},
		tcpLine("0100007F:1F90", "01", 4711):               {uint64(0), uint16(0), true},
		tcpLine("0100007F:1F", "0A", 4711):                 {uint64(0), uint16(0), false},
		tcpLine("0100007F", "0A", 4711):                    {uint64(0), uint16(0), false},
		tcpLine(strings.Repeat("0", 31)+"1:0050", "0A", 7): {uint64(7), uint16(80), false},
		"":               {uint64(0), uint16(0), false},
		"1 2 0A 4 5 6 7": {uint64(0), uint16(0), false},
	} {
		inode, port, last := parseListener(line)
		assert.Equal(t, want, [3]any{inode, port, last}, line)
	}
}

// listening gives a process of a fake tree sockets, of which it owns some.
func (f *fakeTree) listening(pid int, space, table string, owns ...int) {
	f.tb.Helper()
	dir := f.path(pid)
	for _, name := range []string{"ns", "net", "fd"} {
		require.NoError(f.tb, os.RemoveAll(filepath.Join(dir, name)))
		require.NoError(f.tb, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	require.NoError(f.tb, os.Symlink("net:["+space+"]", filepath.Join(dir, "ns", "net")))
	require.NoError(f.tb, os.WriteFile(filepath.Join(dir, "net", "tcp"), []byte(table), 0o600))
	for fd, inode := range owns {
		require.NoError(f.tb, os.Symlink(fmt.Sprintf("socket:[%d]", inode), filepath.Join(dir, "fd", fmt.Sprint(fd))))
	}
}

func TestScanForAPort(t *testing.T) {
	tree := newFakeTree(t, Target{OpenPort: PortRange{8000, 8999}}, Target{Executable: "**/pay", ServiceName: "pays"})
	cart, pay := goProgram(t, "cart"), goProgram(t, "pay")
	nobody := tcpTable(tcpLine("00000000:0050", "0A", 1))
	both := tcpTable(tcpLine("00000000:1F90", "0A", 10), tcpLine("00000000:1F91", "0A", 11), tcpLine("00000000:1F92", "01", 12))
	for pid, executable := range map[int]string{10: cart, 11: pay, 12: cart, 13: "/bin/sh"} {
		tree.put(pid, fakeProcess{executable: executable, start: uint64(pid)})
		tree.listening(pid, "1", nobody)
	}
	assert.Equal(t, []string{"started 11 pays"}, tree.scan())
	want := map[Outcome]uint64{Watched: 1, Unselected: 3}
	assert.Equal(t, want, tree.counts())
	assert.Empty(t, tree.scan())
	assert.Equal(t, want, tree.counts(), "that it does not listen yet is counted once")

	tree.listening(10, "1", both, 10)
	tree.listening(11, "1", both, 11)
	tree.listening(12, "1", both, 12) // its socket is a connection
	tree.listening(13, "1", both, 10) // is not Go
	assert.ElementsMatch(t, []string{"started 10 cart", "stopped 11 pays", "started 11 pay"}, tree.scan(),
		"the target that stands first counts once it is fulfilled")
	assert.Equal(t, map[Outcome]uint64{Watched: 3, Unselected: 3}, tree.counts())
	tree.listening(10, "1", nobody)
	assert.Empty(t, tree.scan(), "who listens no more stays")
}

func TestScanForAPortOfAnOldProcess(t *testing.T) {
	tree := newFakeTree(t, Target{OpenPort: PortRange{80, 80}})
	tree.put(10, fakeProcess{executable: goProgram(t, "cart")})
	tree.listening(10, "1", tcpTable())
	tree.scan()
	tree.clock = tree.clock.Add(youngFor)
	tree.listening(10, "1", tcpTable(tcpLine("00000000:0050", "0A", 1)), 1)
	var events []string
	for range rotation {
		events = append(events, tree.scan()...)
	}
	assert.Equal(t, []string{"started 10 cart"}, events)
}

// What cannot be read for once is no end.
func TestScanForAPortOfAProcessThatCannotBeRead(t *testing.T) {
	tree := newFakeTree(t, Target{OpenPort: PortRange{80, 80}}, Target{Executable: "**/cart"})
	cart := goProgram(t, "cart")
	tree.put(10, fakeProcess{executable: cart})
	tree.listening(10, "1", tcpTable())
	require.Equal(t, []string{"started 10 cart"}, tree.scan())
	stat := filepath.Join(tree.path(10), "stat")
	content, err := os.ReadFile(stat)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(stat, []byte("10 (fake"), 0o600))
	assert.Empty(t, tree.scan())
	require.NoError(t, os.WriteFile(stat, content, 0o600))
	assert.Empty(t, tree.scan())
	tree.listening(10, "1", tcpTable(tcpLine("00000000:0050", "0A", 1)), 1)
	assert.Equal(t, []string{"stopped 10 cart", "started 10 cart"}, tree.scan(), "it is still looked at")
}

func TestANetworkNamespaceIsReadOnceAScan(t *testing.T) {
	tree := newFakeTree(t)
	for _, pid := range []int{10, 11, 12} {
		tree.put(pid, fakeProcess{})
	}
	tree.listening(10, "1", tcpTable(tcpLine("00000000:0050", "0A", 1)))
	tree.listening(11, "1", tcpTable())
	tree.listening(12, "2", tcpTable(tcpLine("00000000:0051", "0A", 1)))
	l := tree.scanner.examiner.listeners
	port := func(pid int) uint16 {
		sockets, err := l.of(pid)
		require.NoError(t, err)
		return sockets[1]
	}
	assert.Equal(t, []uint16{80, 80, 81}, []uint16{port(10), port(11), port(12)})
	l.forget()
	assert.Equal(t, []uint16{0, 0, 81}, []uint16{port(11), port(10), port(12)})
}

// A process that listens, on IPv4 and IPv6, and one that does not.
func TestWatchAProcessThatListens(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			listener, err := net.Listen("tcp", address)
			require.NoError(t, err)
			defer listener.Close()
			port := uint16(listener.Addr().(*net.TCPAddr).Port)
			connection, err := net.Dial("tcp", listener.Addr().String())
			require.NoError(t, err)
			defer connection.Close()
			child := startChild(t, copyProgram(t, "cart")) // inherits no socket
			r := run(t, Config{Targets: []Target{{OpenPort: PortRange{port, port}}}, Interval: 20 * time.Millisecond, IncludeSelf: true})
			e := r.next(t)
			assert.Equal(t, os.Getpid(), e.Process.PID)
			scans(t, r, 2)
			select {
			case e := <-r.events:
				t.Fatalf("%v %d, and this test started %d", e.Kind, e.Process.PID, child.pid())
			default:
			}
		})
	}
}
