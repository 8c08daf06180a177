// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/confine"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/engine"
	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/server"
	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

type serveOptions struct {
	listen         string
	path           string
	library        string
	memoryMiB      int
	maxConnections int
	allowRemote    bool
	unconfined     bool
	stopWithStdin  bool
	logFormat      string
}

func parseServe(arguments []string, messages io.Writer) (serveOptions, error) {
	var o serveOptions
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:9000", "address to serve the native protocol on")
	flags.StringVar(&o.path, "path", "./data", "directory of the stored data")
	flags.StringVar(&o.library, "library", "", "path of libchdb.so (default: where fetch puts it)")
	flags.IntVar(&o.memoryMiB, "memory-mib", 2048, "memory that the engine may use for data and queries, in MiB")
	flags.IntVar(&o.maxConnections, "max-connections", server.DefaultConfig().MaxConnections, "clients that may be connected at once")
	flags.BoolVar(&o.allowRemote, "allow-remote", false, "allow an address that is not loopback; there is no authentication")
	flags.BoolVar(&o.unconfined, "unconfined", false, "let SQL reach files outside --path, and other hosts, with the rights of this process")
	flags.BoolVar(&o.stopWithStdin, "stop-with-stdin", false, "stop when standard input ends, as it does when the parent process ends")
	flags.StringVar(&o.logFormat, "log-format", "text", "text or json")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("serve takes flags only, got %q", flags.Arg(0))
	}
	return o, o.validate()
}

func (o serveOptions) validate() error {
	var problems []error
	if err := checkListen(o.listen, o.allowRemote); err != nil {
		problems = append(problems, err)
	}
	if o.path == "" {
		problems = append(problems, errors.New("--path is empty: name a directory"))
	}
	if o.memoryMiB < chdblibrary.LeastMemoryMiB {
		problems = append(problems, fmt.Errorf("--memory-mib is %d: give the engine at least %d", o.memoryMiB, chdblibrary.LeastMemoryMiB))
	}
	if o.maxConnections < 1 {
		problems = append(problems, fmt.Errorf("--max-connections is %d: allow at least 1", o.maxConnections))
	}
	if o.logFormat != "text" && o.logFormat != "json" {
		problems = append(problems, fmt.Errorf("--log-format is %q: choose text or json", o.logFormat))
	}
	return errors.Join(problems...)
}

// checkListen refuses addresses that other machines can reach.
func checkListen(address string, allowRemote bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--listen %q is not host:port: %w", address, err)
	}
	ip := net.ParseIP(host)
	if allowRemote || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--listen %s is not a loopback address, and the engine asks nobody for a password: use 127.0.0.1, or add --allow-remote", address)
}

func (o serveOptions) logger(to io.Writer) *slog.Logger {
	if o.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(to, nil))
	}
	return slog.New(slog.NewTextHandler(to, nil))
}

// serve runs an engine until ctx ends.
func serve(ctx context.Context, arguments []string, messages io.Writer) error {
	options, err := parseServe(arguments, messages)
	if err != nil {
		return err
	}
	log := options.logger(messages)
	path, err := chdblibrary.Find(options.library)
	if err != nil {
		return err
	}
	// Before confine, which makes the storage path: an engine whose port is taken
	// leaves nothing behind. Starting again closes the listener, and the confined
	// process listens anew.
	listener, err := listen(ctx, options.listen)
	if err != nil {
		return err
	}
	defer listener.Close() // the server has closed it, unless the engine fails
	if err := options.confine(path, log); err != nil {
		return err
	}
	if options.stopWithStdin {
		ctx = untilEnd(ctx, os.Stdin)
	}
	e, err := engine.Open(engine.Config{Library: path, Path: options.path, MemoryMiB: options.memoryMiB})
	if err != nil {
		return err
	}
	config := server.DefaultConfig()
	config.MaxConnections = options.maxConnections
	log.Info("serving", "address", listener.Addr().String(), "path", options.path,
		"version", fmt.Sprintf("%d.%d.%d", e.Identity.Major, e.Identity.Minor, e.Identity.Patch))
	if err := serveUntil(ctx, server.New(e, config, log), listener); err != nil {
		return err
	}
	log.Info("stopped")
	return e.Close()
}

// serveUntil serves until ctx ends and all clients are gone. Clients whose
// statement does not end in time are left behind: the process ends them.
func serveUntil(ctx context.Context, s *server.Server, listener net.Listener) error {
	const patience = 15 * time.Second
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-served:
		return err
	case <-time.After(patience):
		return fmt.Errorf("statements still ran %s after the signal to stop", patience)
	}
}

// confine starts this process again with access to little more than its data.
func (o serveOptions) confine(library string, log *slog.Logger) error {
	if o.unconfined {
		return nil
	}
	if err := os.MkdirAll(o.path, 0o750); err != nil {
		return fmt.Errorf("making the storage path: %w", err)
	}
	err := confine.Exec(confine.Allowed{Writable: []string{o.path}, Readable: []string{library}})
	var unavailable *confine.UnavailableError
	if errors.As(err, &unavailable) {
		log.Warn("not confined: whoever connects can read and write files with the rights of this process", "cause", err)
		return nil
	}
	return err
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the address %s is in use by another process: stop it, or choose another --listen", address)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return listener, nil
}

// untilEnd returns a context that ends with ctx or with the input, whose
// writer nobody but the parent process holds.
func untilEnd(ctx context.Context, input io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, input) // whatever ends it, the parent is gone
	}()
	return ctx
}
