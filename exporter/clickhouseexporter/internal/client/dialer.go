// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go"
)

// Strategy is the order in which several addresses are tried.
type Strategy int

const (
	// InOrder tries them from the first.
	InOrder Strategy = iota
	// RoundRobin begins each time with the next one.
	RoundRobin
	// Random begins anywhere.
	Random
)

// dialer opens connections to the first address that answers.
type dialer struct {
	addresses []string
	strategy  Strategy
	timeout   time.Duration
	// connect opens a connection to one address, ready for queries.
	connect func(ctx context.Context, address string) (*session, error)
	dials   atomic.Uint64
}

func newDialer(options Options) *dialer {
	return &dialer{
		addresses: options.Addresses,
		strategy:  options.Strategy,
		timeout:   options.DialTimeout,
		connect:   connector(options),
	}
}

// dial tries every address once.
func (d *dialer) dial(ctx context.Context) (*session, error) {
	var errs error
	first := d.first()
	for i := range d.addresses {
		address := d.addresses[(first+i)%len(d.addresses)]
		conn, err := d.dialOne(ctx, address, len(d.addresses)-i)
		if err == nil {
			return conn, nil
		}
		errs = errors.Join(errs, err)
	}
	return nil, errs
}

// dialOne tries one address, with others still to be tried after it (left
// counts it and them).
func (d *dialer) dialOne(ctx context.Context, address string, left int) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, d.share(ctx, left))
	defer cancel()
	return d.connect(ctx, address)
}

// share is the time for one of the addresses that are left: the dial timeout,
// but no more than its part of what remains. An address that drops packets
// would otherwise use up the time of those that would answer.
func (d *dialer) share(ctx context.Context, left int) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return d.timeout
	}
	return min(d.timeout, time.Until(deadline)/time.Duration(left))
}

// connector connects over TCP, or TLS where the options have it, and logs in.
func connector(options Options) func(context.Context, string) (*session, error) {
	dial := new(net.Dialer).DialContext
	if options.TLS != nil {
		dial = (&tls.Dialer{Config: options.TLS}).DialContext
	}
	login := ch.Options{
		Database:         options.Database,
		User:             options.User,
		Password:         options.Password,
		Settings:         options.Settings,
		Compression:      options.Compression,
		CompressionLevel: options.CompressionLevel,
		ClientName:       options.ClientName,
		HandshakeTimeout: options.DialTimeout,
		// Of one packet; unless it is set, 3 s, in which a server that wakes up
		// does not say hello.
		ReadTimeout: options.DialTimeout,
	}
	return func(ctx context.Context, address string) (*session, error) {
		conn, err := dial(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("connect to %s: %w", address, err)
		}
		client, err := ch.Connect(ctx, conn, login)
		if err != nil {
			// Closed already where the context ended in the handshake.
			_ = conn.Close()
			return nil, fmt.Errorf("log in to %s: %w", address, err)
		}
		return &session{
			Client: client, conn: conn, compression: options.Compression, level: options.CompressionLevel,
		}, nil
	}
}

// first is the index of the address to begin with.
func (d *dialer) first() int {
	switch d.strategy {
	case RoundRobin:
		return int((d.dials.Add(1) - 1) % uint64(len(d.addresses)))
	case Random:
		return rand.IntN(len(d.addresses))
	default:
		return 0
	}
}
