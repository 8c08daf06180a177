// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package cause makes a request slow for one known reason. Each cause is the
// real thing, no imitation: the goroutine that calls it spends the asked time
// in that state of the Go scheduler, the runtime or the kernel.
package cause

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Func spends about d on the calling goroutine for its one reason.
type Func func(ctx context.Context, d time.Duration) error

// Set holds a service's causes by name.
type Set struct {
	funcs     map[string]Func
	wal       *wal
	gc        *pressure
	scheduler *scheduler
}

// Config is what some of the causes need.
type Config struct {
	// WAL is the file that the fsync cause writes to. Its directory must lie on
	// a real filesystem: on tmpfs fsync takes no time.
	WAL string
	// Downstream asks another service for an answer that takes d.
	Downstream Func
}

// New opens the WAL and prepares the heap that the gc cause collects.
func New(cfg Config) (*Set, error) {
	wal, err := openWAL(cfg.WAL)
	if err != nil {
		return nil, err
	}
	gc, oversubscribed := newPressure(), &scheduler{}
	return &Set{wal: wal, gc: gc, scheduler: oversubscribed, funcs: map[string]Func{
		"mutex":      mutex,
		"channel":    channel,
		"select":     selects,
		"sleep":      sleep,
		"cpu":        newCPU().run,
		"scheduler":  oversubscribed.run,
		"gc":         gc.run,
		"fsync":      wal.run,
		"downstream": cfg.Downstream,
	}}, nil
}

// Close ends what New began.
func (s *Set) Close() error {
	s.gc.close()
	s.scheduler.close()
	return s.wal.close()
}

// Names lists the causes in order.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.funcs)) }

// Run spends the order's time, or none where it has no name.
func (s *Set) Run(ctx context.Context, o Order) error {
	if o.Name == "" {
		return nil
	}
	run, ok := s.funcs[o.Name]
	if !ok {
		return &UnknownError{Name: o.Name, Known: s.Names()}
	}
	if err := run(ctx, o.Duration); err != nil {
		return fmt.Errorf("cause %s: %w", o.Name, err)
	}
	return nil
}

// UnknownError is a request's fault: it asks for a cause that does not exist.
type UnknownError struct {
	Name  string
	Known []string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("cause=%q is unknown: use one of %s", e.Name, strings.Join(e.Known, ", "))
}

const (
	// DefaultDuration of a cause.
	DefaultDuration = 50 * time.Millisecond
	// MaxDuration that a request may ask for.
	MaxDuration = 10 * time.Second
)

// Order is what a request asks for in its query: cause=mutex&ms=50&at=inventory.
type Order struct {
	Name     string
	Duration time.Duration
	// At is the service that shall be slow.
	At string
}

// services that can be asked to be slow.
func services() []string { return []string{"checkout", "inventory", "payment"} }

// Parse reads an order. Without cause it is empty; at defaults to the service
// that reads it.
func Parse(query url.Values, service string) (Order, error) {
	o := Order{Name: query.Get("cause"), Duration: DefaultDuration, At: service}
	if o.Name == "" {
		return Order{}, nil
	}
	if at := query.Get("at"); at != "" {
		o.At = at
	}
	if !slices.Contains(services(), o.At) {
		return Order{}, fmt.Errorf("at=%q is no service of the shop: use one of %s", o.At, strings.Join(services(), ", "))
	}
	if text := query.Get("ms"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil {
			return Order{}, fmt.Errorf("ms=%q is no whole number of milliseconds", text)
		}
		o.Duration = time.Duration(ms) * time.Millisecond
	}
	if o.Duration <= 0 || o.Duration > MaxDuration {
		return Order{}, fmt.Errorf("ms is %d: ask for 1 to %d", o.Duration.Milliseconds(), MaxDuration.Milliseconds())
	}
	return o, nil
}

// For is the order as far as service must obey it: empty where it is another's.
func (o Order) For(service string) Order {
	if o.At != service {
		return Order{}
	}
	return o
}

// Query is the order in the form that Parse reads, empty for the empty order.
func (o Order) Query() url.Values {
	if o.Name == "" {
		return url.Values{}
	}
	return url.Values{
		"cause": {o.Name},
		"ms":    {strconv.FormatInt(o.Duration.Milliseconds(), 10)},
		"at":    {o.At},
	}
}

// IsBadRequest tells the request's faults from the service's.
func IsBadRequest(err error) bool {
	_, unknown := errors.AsType[*UnknownError](err)
	return unknown
}
