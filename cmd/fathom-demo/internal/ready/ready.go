// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package ready waits, always bounded, for what other processes do.
package ready

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// interval between two looks.
const interval = 100 * time.Millisecond

// Until calls probe until it returns nil. It gives up after limit, with what
// probe last said, and when ctx ends, with the cause.
func Until(ctx context.Context, limit time.Duration, probe func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		last := probe(bounded)
		if last == nil {
			return nil
		}
		select {
		case <-time.After(interval):
		case <-bounded.Done():
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("not within %v: %w", limit, last)
		}
	}
}

// ErrUnsettled says that a figure still changed at the limit.
var ErrUnsettled = errors.New("it still changes")

// Settled reads a figure until it has not changed for quiet, and returns it. At
// the limit it returns ErrUnsettled.
func Settled(ctx context.Context, limit, quiet time.Duration, read func(context.Context) (uint64, error)) (uint64, error) {
	var figure uint64
	var since time.Time
	err := Until(ctx, limit, func(ctx context.Context) error {
		now, err := read(ctx)
		if err != nil {
			return err
		}
		if now != figure || since.IsZero() {
			figure, since = now, time.Now()
		}
		if time.Since(since) < quiet {
			return ErrUnsettled
		}
		return nil
	})
	return figure, err
}
