// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

func TestFirstAddress(t *testing.T) {
	addresses := []string{"a:1", "b:1", "c:1"}
	inOrder := newDialer(Options{Addresses: addresses})
	roundRobin := newDialer(Options{Addresses: addresses, Strategy: RoundRobin})
	random := newDialer(Options{Addresses: addresses, Strategy: Random})
	seen := map[int]bool{}
	for n := range 100 {
		assert.Equal(t, 0, inOrder.first())
		assert.Equal(t, n%3, roundRobin.first())
		seen[random.first()] = true
	}
	assert.Equal(t, map[int]bool{0: true, 1: true, 2: true}, seen)
}

// TestSilentAddressesLeaveTimeForTheNext has addresses that drop packets
// before one that answers.
func TestSilentAddressesLeaveTimeForTheNext(t *testing.T) {
	for name, test := range map[string]struct {
		silent               int
		timeout, dialTimeout time.Duration
		want                 time.Duration // after which the last address is tried
	}{
		"a part of the time each":            {silent: 1, timeout: 5 * time.Second, dialTimeout: 30 * time.Second, want: 2500 * time.Millisecond},
		"several":                            {silent: 4, timeout: 5 * time.Second, dialTimeout: 30 * time.Second, want: 4 * time.Second},
		"the dial timeout where it is less":  {silent: 2, timeout: 30 * time.Second, dialTimeout: 3 * time.Second, want: 6 * time.Second},
		"the dial timeout without a timeout": {silent: 2, dialTimeout: 3 * time.Second, want: 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				addresses := append(make([]string, test.silent), "answers:9000")
				d := newDialer(Options{Addresses: addresses, DialTimeout: test.dialTimeout})
				answer := new(session)
				d.connect = func(ctx context.Context, address string) (*session, error) {
					if address != "" {
						return answer, ctx.Err()
					}
					<-ctx.Done()
					return nil, ctx.Err()
				}
				ctx := t.Context()
				if test.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
				}
				begin := time.Now()
				conn, err := d.dial(ctx)
				require.NoError(t, err)
				assert.Same(t, answer, conn)
				assert.Equal(t, test.want, time.Since(begin))
			})
		})
	}
}

// TestFailoverFromASilentServer has a server first that takes connections and
// says nothing on them.
func TestFailoverFromASilentServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, silent.Close()) }()
	c := New(optionsFor(silent.Addr().String(), enginetest.Start(t)))
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	require.NoError(t, c.Execute(ctx, "SELECT 1"))
}

func TestEveryAddressIsTried(t *testing.T) {
	closed := func() string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		return listener.Addr().String()
	}
	first, second := closed(), closed()
	c := New(optionsFor(first, second))
	defer c.Close()
	err := c.Execute(t.Context(), "SELECT 1")
	require.ErrorContains(t, err, "connect to "+first)
	require.ErrorContains(t, err, "connect to "+second)
	assert.Equal(t, "connection", Reason(err))

	c = New(optionsFor(first, enginetest.Start(t)))
	defer c.Close()
	require.NoError(t, c.Execute(t.Context(), "SELECT 1"))
}

// TestTLS speaks to a real engine through a proxy that ends TLS.
func TestTLS(t *testing.T) {
	certificate, roots := selfSigned(t)
	proxy := startTLSProxy(t, certificate, enginetest.Start(t))

	trusting := optionsFor(proxy)
	trusting.TLS = &tls.Config{RootCAs: roots}
	c := New(trusting)
	defer c.Close()
	require.NoError(t, c.Execute(t.Context(), "SELECT 1"))

	doubting := optionsFor(proxy)
	doubting.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	c = New(doubting)
	defer c.Close()
	require.ErrorContains(t, c.Execute(t.Context(), "SELECT 1"), "certificate")
}

func TestSilentServerTimesOut(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	c := New(optionsFor(listener.Addr().String()))
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = c.Execute(ctx, "SELECT 1")
	require.ErrorContains(t, err, "log in to "+listener.Addr().String())
	assert.Equal(t, "timeout", Reason(err))
}

// TestSlowLogIn has a server that is silent for longer than ch-go waits by
// default before it says hello.
func TestSlowLogIn(t *testing.T) {
	endpoint := enginetest.Start(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	proxied := make(chan struct{})
	go func() {
		defer close(proxied)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		time.Sleep(ch.DefaultReadTimeout + 500*time.Millisecond) // it wakes up
		pass(conn, endpoint)
	}()
	c := New(optionsFor(listener.Addr().String()))
	require.NoError(t, c.Execute(t.Context(), "SELECT 1"))
	c.Close()
	<-proxied
	require.NoError(t, listener.Close())
}

// TestCancelEndsAQuery gives up on a query that the server would work on for
// hours, long before the next packet is due.
func TestCancelEndsAQuery(t *testing.T) {
	endpoint := enginetest.Start(t)
	c := New(optionsFor(endpoint))
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Execute(ctx, "SELECT max(sipHash64(number)) FROM numbers(1000000000000)") }()
	other := New(optionsFor(endpoint))
	defer other.Close()
	require.Eventually(t, func() bool {
		return other.Execute(t.Context(), "SELECT throwIf(count() = 0) FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'") == nil
	}, 30*time.Second, 20*time.Millisecond)
	cancel()
	select {
	case err := <-ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(30 * time.Second): // half of the time for a packet
		t.Fatal("the query goes on")
	}
	assert.Empty(t, c.pool.idle, "a connection that was cut is not used again")
	require.NoError(t, c.Execute(t.Context(), "SELECT 1"))
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "clickhouse"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// startTLSProxy passes what comes over TLS on to an address, until the test ends.
func startTLSProxy(t *testing.T, certificate tls.Certificate, to string) string {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	require.NoError(t, err)
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the listener was closed
			}
			passing.Go(func() { pass(conn, to) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		passing.Wait()
	})
	return listener.Addr().String()
}

// pass copies in both directions until either side ends.
func pass(conn net.Conn, to string) {
	server, err := net.Dial("tcp", to)
	if err != nil {
		_ = conn.Close()
		return
	}
	var copying sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{conn: server, server: conn} {
		copying.Go(func() {
			// Either side's end is the end of both.
			_, _ = io.Copy(to, from)
			_ = to.Close()
			_ = from.Close()
		})
	}
	copying.Wait()
}
