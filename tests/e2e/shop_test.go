// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/tests/priority"
)

// services of the shop. Checkout has the OpenTelemetry SDK, the others nothing.
func services() []string { return []string{"checkout", "inventory", "payment"} }

// shop is the services as processes, checkout exporting to an agent.
type shop struct {
	t         *testing.T
	processes map[string]*process
	checkout  string // its address, host:port
	admin     string // that of its admin listener
	data      string // where the WALs lie
}

// shopGlob selects the shop's services, and not the load generator.
func shopGlob(t *testing.T) string {
	return repository(t).path("{" + strings.Join(services(), ",") + "}")
}

func startShop(t *testing.T, dir, otlp string) *shop {
	t.Helper()
	ports := freePorts(t, 5)
	s := &shop{t: t, processes: map[string]*process{}, checkout: ports[0], admin: ports[1], data: dir}
	inventory, payment, rpc := ports[2], ports[3], ports[4]
	run := func(name, listen string, env []string, more ...string) {
		args := append([]string{"-listen", listen, "-data", dir}, more...)
		var p *process
		priority.First(t, func() {
			p = start(t, dir, name, repository(t).path(name), append(env, "OTEL_SERVICE_NAME="+name), args...)
		})
		s.processes[name] = p
		await(t, func() bool { return strings.Contains(p.output(), "\n") || !p.runs() }, "it does not come true")
		require.True(t, p.runs(), "%s ended: %v\n%s", name, p.err, p.tail())
	}
	run("payment", payment, nil, "-grpc-listen", rpc, "-bank", "http://"+inventory)
	run("inventory", inventory, nil, "-payment", "http://"+payment, "-payment-grpc", rpc)
	run("checkout", s.checkout, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + otlp, "OTEL_BSP_SCHEDULE_DELAY=500"},
		"-admin", s.admin, "-inventory", "http://"+inventory, "-payment", "http://"+payment, "-payment-grpc", rpc)
	return s
}

// receipt tells of the request's span in checkout.
type receipt struct {
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
}

// order sends one request for a cause, at a service and for a time, and returns
// its receipt. Without cause it is an ordinary one.
func (s *shop) order(cause, at string, d time.Duration) receipt {
	s.t.Helper()
	query := url.Values{}
	if cause != "" {
		query = url.Values{"cause": {cause}, "at": {at}, "ms": {strconv.FormatInt(d.Milliseconds(), 10)}}
	}
	var r receipt
	body := s.post("http://" + s.checkout + "/checkout?" + query.Encode())
	require.NoError(s.t, json.Unmarshal([]byte(body), &r))
	return r
}

func (s *shop) post(url string) string {
	s.t.Helper()
	response, err := http.Post(url, "", nil)
	require.NoError(s.t, err)
	defer response.Body.Close()
	body := readAll(s.t, response.Body)
	require.Equal(s.t, http.StatusOK, response.StatusCode, "%s: %s", url, body)
	return body
}

// trace takes an execution trace of checkout while do runs.
func (s *shop) trace(path string, do func()) {
	s.t.Helper()
	s.post("http://" + s.admin + "/trace/start?file=" + url.QueryEscape(path))
	do()
	s.post("http://" + s.admin + "/trace/stop")
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(text)
}
