// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// answered is what a server of the target says of one request.
type answered struct {
	Method, Path, Proto string
	Status              int // 0: the handler panicked
}

func startHTTP2(t *testing.T, args ...string) (*harness, *targettest.Target, map[string]string) {
	t.Helper()
	binary := targettest.BuildHTTP2(t, args...)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	body, _, err := target.Get("/addresses", nil)
	require.NoError(t, err)
	var addresses map[string]string
	require.NoError(t, json.Unmarshal([]byte(body), &addresses))
	return h, target, addresses
}

// http2Client speaks nothing but HTTP/2, on one connection to a server.
func http2Client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: new(http.Protocols),
		MaxConnsPerHost: 1,
	}
	transport.Protocols.SetHTTP2(true)
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// stream sends a request of its own caller's span and reads the answer; one that
// hangs is reset as soon as its header has come.
func stream(client *http.Client, url, caller, flags string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("body"))
	if err != nil {
		return err
	}
	request.Header.Set("Traceparent", "00-"+callerTrace+"-"+caller+"-"+flags)
	response, err := client.Do(request)
	if err != nil {
		if strings.Contains(url, "/panic/") {
			return nil
		}
		return err
	}
	defer response.Body.Close()
	if strings.Contains(url, "/hang/") {
		return nil // cancel resets the stream
	}
	_, err = io.Copy(io.Discard, response.Body)
	if strings.Contains(url, "/trailers/") && response.Trailer.Get("X-After") != "trailer" {
		err = errors.New("the trailer is missing")
	}
	return err
}

// Many streams at once on one connection, of which some are reset and some
// handlers panic: a span for each that the servers say they answered, and no other.
func TestRequestsOverHTTP2(t *testing.T) {
	for name, args := range map[string][]string{"whole": nil, "stripped": {"-ldflags=-s -w"}} {
		t.Run(name, func(t *testing.T) { requestsOverHTTP2(t, args...) })
	}
}

func requestsOverHTTP2(t *testing.T, args ...string) {
	h, target, addresses := startHTTP2(t, args...)
	const rounds = 8
	paths := []string{"sleep/%s", "status/404/%s", "status/503/%s", "echo/%s", "trailers/%s", "panic/%s", "hang/%s"}
	callers := map[string]string{} // by path
	var streams sync.WaitGroup
	failures := make(chan error, rounds*len(paths)*len(addresses))
	for server, address := range addresses {
		client := http2Client(t)
		for round := range rounds {
			for i, path := range paths {
				caller := fmt.Sprintf("%016x", 1+len(callers))
				id := strings.ReplaceAll(server, " ", "-") + fmt.Sprint("-", round, "-", i)
				callers["/"+fmt.Sprintf(path, id)] = caller
				streams.Go(func() { failures <- stream(client, address+"/"+fmt.Sprintf(path, id), caller, "01") })
			}
		}
	}
	streams.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}

	says := h.awaitBook(target, len(callers))
	isStream := func(s seenSpan) bool { return s.attribute(events.ProtocolVersion) == "2" }
	told := map[string]seenSpan{}
	for _, span := range h.awaitSpans(len(says), isStream) {
		told[span.attribute(events.URLPath).(string)] = span
	}
	require.Len(t, told, len(callers))
	for _, request := range says {
		checkStream(t, request, told[request.Path], callers[request.Path])
	}
	require.Zero(t, h.counter("requests_unobserved", "reason", "http2_unsupported"))
	require.Zero(t, h.counter("kernel_records_dropped", "", ""))
}

// awaitBook waits until the servers say that they answered n requests.
func (h *harness) awaitBook(target *targettest.Target, n int) []answered {
	h.t.Helper()
	var says []answered
	require.Eventually(h.t, func() bool {
		body, _, err := target.Get("/book", nil)
		says = nil
		return err == nil && json.Unmarshal([]byte(body), &says) == nil && len(says) >= n
	}, patience, tick)
	require.Len(h.t, says, n)
	return says
}

func checkStream(t *testing.T, says answered, span seenSpan, caller string) {
	t.Helper()
	require.Equal(t, "HTTP/2.0", says.Proto)
	require.NotNil(t, span.resource, "no span for %s", says.Path)
	require.Equal(t, ptrace.SpanKindServer, span.Kind())
	require.Equal(t, says.Method, span.attribute(events.RequestMethod))
	require.Equal(t, callerTrace, span.TraceID().String())
	require.Equal(t, caller, span.ParentSpanID().String(), "the caller of this very stream")
	l := exactLedger(t, span)
	first, _, _ := strings.Cut(says.Path[1:], "/")
	if says.Status == 0 {
		require.Equal(t, "aborted", span.attribute(events.ErrorType), says.Path)
		require.NotContains(t, span.Attributes().AsRaw(), events.ResponseStatus)
		return
	}
	require.Equal(t, int64(says.Status), span.attribute(events.ResponseStatus), says.Path)
	route, _ := span.attribute(events.Route).(string)
	require.True(t, strings.HasPrefix(route, "/"+first+"/{"), "%s has the route %q", says.Path, route)
	require.Equal(t, "POST "+route, span.Name())
	require.Equal(t, says.Status >= 500, span.Status().Code() == ptrace.StatusCodeError)
	if first == "sleep" {
		require.Greater(t, l[ledger.Sleep], uint64(10e6), "%v", span.Attributes().AsRaw())
	}
}

// The rules of all requests hold for streams.
func TestStreamsThatAreNotTold(t *testing.T) {
	h, target, addresses := startHTTP2(t)
	client := http2Client(t)
	for _, server := range []string{"tls", "module"} {
		require.NoError(t, stream(client, addresses[server]+"/sdk/"+server, callerSpan, "01"))
		require.NoError(t, stream(client, addresses[server]+"/echo/unsampled-"+server, callerSpan, "00"))
		request, err := http.NewRequest(http.MethodGet, addresses[server]+"/metrics", nil)
		require.NoError(t, err)
		request.Header.Set("User-Agent", "Prometheus/3.7.1")
		response, err := client.Do(request)
		require.NoError(t, err)
		response.Body.Close()
	}
	h.awaitBook(target, 6)
	for _, scrape := range h.awaitSpans(2, func(s seenSpan) bool { return s.attribute(events.ProtocolVersion) == "2" }) {
		require.Equal(t, "/metrics", scrape.attribute(events.URLPath))
		require.Equal(t, "scrape", scrape.attribute(events.RequestKind))
		require.Equal(t, "Prometheus/3.7.1", scrape.attribute(events.UserAgent))
	}
	require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) == 2 }, patience, tick, "the SDK's spans have ledgers")
	require.Eventually(t, func() bool { return h.counter("requests_unobserved", "reason", "sampled_out") == 2 }, patience, tick)
}

// TestReleasesOfHTTP2: since Go 1.27 the server is a package of its own, with
// requests of its own.
func TestReleasesOfHTTP2(t *testing.T) {
	for release, args := range map[string][]string{"go1.21.13": nil, "go1.27.4": {"-ldflags=-s -w"}} {
		t.Run(release, func(t *testing.T) {
			binary := targettest.BuildStreams(t, release, args...)
			h := observe(t, nil, TargetConfig{Executable: binary})
			target := targettest.Start(t, binary)
			h.awaitAttached(1)
			client, url := http2Client(t), strings.Replace(target.URL, "http:", "https:", 1)
			for path, want := range map[string]any{"/": int64(200), "/missing": int64(404), "/panic": nil} {
				request, err := http.NewRequest(http.MethodPut, url+path, nil)
				require.NoError(t, err)
				request.Header.Set("Traceparent", "00-"+callerTrace+"-"+callerSpan+"-01")
				response, err := client.Do(request)
				require.Equal(t, want == nil, err != nil, "%s: %v", path, err)
				if err == nil {
					response.Body.Close()
				}
				span := h.awaitSpan(path)
				require.Equal(t, "PUT", span.Name())
				require.Equal(t, "2", span.attribute(events.ProtocolVersion))
				require.Equal(t, want, span.attribute(events.ResponseStatus))
				if release != "go1.21.13" { // its maps are others
					require.Equal(t, callerSpan, span.ParentSpanID().String())
				}
				exactLedger(t, span)
			}
			require.Zero(t, h.counter("probes_refused", "feature", string(plan.HTTP2)))
		})
	}
}
