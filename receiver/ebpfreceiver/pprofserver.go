// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
)

// pprofServer serves kept profiles. A nil one serves none.
type pprofServer struct {
	server   *http.Server
	listener net.Listener
}

// newPprofServer listens, if profiles are to be served.
func (r *ebpfReceiver) newPprofServer(ctx context.Context, host component.Host, p *profiles) (*pprofServer, error) {
	if p.kept == nil {
		return nil, nil
	}
	config := r.config.Profiles.Pprof.HTTP.Get()
	name, _, _ := net.SplitHostPort(config.NetAddr.Endpoint) // "" where it has none
	server, err := config.ToServer(ctx, host.GetExtensions(), r.settings.TelemetrySettings, profile.Handler(p, name, time.Now))
	if err != nil {
		return nil, fmt.Errorf("profiles.pprof.http: %w", err)
	}
	listener, err := config.ToListener(ctx)
	if err != nil {
		return nil, fmt.Errorf("profiles.pprof.http: listening on %s: %w", config.NetAddr.Endpoint, err)
	}
	r.settings.Logger.Info("Serving profiles", zap.Stringer("address", listener.Addr()), zap.String("path", profile.Path))
	return &pprofServer{server: server, listener: listener}, nil
}

// run serves until close.
func (s *pprofServer) run() error {
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// close lets requests that are being answered finish.
func (s *pprofServer) close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	return errors.Join(s.server.Shutdown(ctx), ignoreClosed(s.listener.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
