// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package service is what the shop's services share: their flags, listeners,
// the line that announces their addresses, and their orderly end.
package service

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc"
)

// stopTimeout bounds how long a service waits for its last requests.
const stopTimeout = 5 * time.Second

// Flags are those that every service has.
type Flags struct {
	Name   string
	Listen string
	Admin  string
	Data   string
}

// Register defines the flags with their defaults.
func (f *Flags) Register(set *flag.FlagSet, listen string) {
	set.StringVar(&f.Listen, "listen", listen, "`address` for HTTP; port 0 picks a free one")
	set.StringVar(&f.Admin, "admin", "", "`address` of the admin listener that starts and stops execution traces; none if empty")
	set.StringVar(&f.Data, "data", filepath.Join(".run", "shop"), "`directory` for the write-ahead log, on a real filesystem")
}

// WAL is the service's write-ahead log.
func (f *Flags) WAL() string { return filepath.Join(f.Data, f.Name+".wal") }

// Server is a service that is ready to serve.
type Server struct {
	Flags   Flags
	Handler http.Handler
	// GRPC is nil where the service has none.
	GRPC       *grpc.Server
	GRPCListen string
}

// Announcement is the one JSON line that a service prints when it listens.
type Announcement struct {
	Service string `json:"service"`
	PID     int    `json:"pid"`
	HTTP    string `json:"http"`
	GRPC    string `json:"grpc,omitempty"`
	Admin   string `json:"admin,omitempty"`
}

// Run serves until ctx ends or the process gets SIGTERM or an interrupt, then
// finishes the requests in progress. The announcement goes to out.
func (s *Server) Run(ctx context.Context, out io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()

	said := Announcement{Service: s.Flags.Name, PID: os.Getpid()}
	ends := make(chan error, 3)
	running := 0
	start := func(address *string, at string, serve func(net.Listener) error) error {
		listener, err := net.Listen("tcp", at)
		if err != nil {
			return fmt.Errorf("listening on %s: %w", at, err)
		}
		*address = listener.Addr().String()
		running++
		go func() { ends <- serve(listener) }()
		return nil
	}

	shop := &http.Server{Handler: s.Handler, ReadHeaderTimeout: stopTimeout}
	tracer := &tracer{}
	admin := &http.Server{Handler: tracer.handler(), ReadHeaderTimeout: stopTimeout}
	stopAll := func() error {
		stopCtx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		err := errors.Join(shop.Shutdown(stopCtx), admin.Shutdown(stopCtx), tracer.stop())
		if s.GRPC != nil {
			stopGRPC(s.GRPC)
		}
		for range running {
			if ended := <-ends; !errors.Is(ended, http.ErrServerClosed) {
				err = errors.Join(err, ended)
			}
		}
		return err
	}

	err := start(&said.HTTP, s.Flags.Listen, shop.Serve)
	if err == nil && s.GRPC != nil {
		err = start(&said.GRPC, s.GRPCListen, s.GRPC.Serve)
	}
	if err == nil && s.Flags.Admin != "" {
		err = start(&said.Admin, s.Flags.Admin, admin.Serve)
	}
	if err == nil {
		err = json.NewEncoder(out).Encode(said)
	}
	if err != nil {
		return errors.Join(err, stopAll())
	}
	select {
	case <-ctx.Done():
	case err = <-ends:
		running--
	}
	return errors.Join(err, stopAll())
}

// stopGRPC lets calls in progress end, for at most stopTimeout.
func stopGRPC(server *grpc.Server) {
	cut := time.AfterFunc(stopTimeout, server.Stop)
	defer cut.Stop()
	server.GracefulStop()
}

// Main runs a service as a program: an error is printed and ends it with code 1.
func Main(name string, run func(ctx context.Context) error) {
	if err := run(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
