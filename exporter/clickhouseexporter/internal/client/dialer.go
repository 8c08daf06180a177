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
	tls       *tls.Config
	dials     atomic.Uint64
}

func newDialer(options Options) *dialer {
	return &dialer{
		addresses: options.Addresses,
		strategy:  options.Strategy,
		timeout:   options.DialTimeout,
		tls:       options.TLS,
	}
}

// dial tries every address once.
func (d *dialer) dial(ctx context.Context) (net.Conn, error) {
	var errs error
	first := d.first()
	for i := range d.addresses {
		address := d.addresses[(first+i)%len(d.addresses)]
		conn, err := d.dialOne(ctx, address)
		if err == nil {
			return conn, nil
		}
		errs = errors.Join(errs, fmt.Errorf("connect to %s: %w", address, err))
	}
	return nil, errs
}

func (d *dialer) dialOne(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	var plain net.Dialer
	if d.tls == nil {
		return plain.DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{NetDialer: &plain, Config: d.tls}).DialContext(ctx, "tcp", address)
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
