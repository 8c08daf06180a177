// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fathom-otel/fathom/tests/apps/shop/internal/cause"
)

// clientTimeout bounds a call from service to service: longer than any cause.
const clientTimeout = 2 * cause.MaxDuration

// NewClient returns an HTTP client over wrap(transport), keeping as many
// connections as a loaded service uses. wrap may be nil.
func NewClient(wrap func(http.RoundTripper) http.RoundTripper) *http.Client {
	var transport http.RoundTripper = &http.Transport{
		MaxIdleConns:        128,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
	}
	if wrap != nil {
		transport = wrap(transport)
	}
	return &http.Client{Transport: transport, Timeout: clientTimeout}
}

// NewMux returns a mux with the paths that every service answers.
func NewMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET "+cause.SlowPath, cause.SlowHandler)
	return mux
}

// Causes reads the request's order and obeys it where it is name's. It reports
// false after it answered the request with an error.
func Causes(w http.ResponseWriter, r *http.Request, set *cause.Set, name string) (cause.Order, bool) {
	order, err := cause.Parse(r.URL.Query(), name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return order, false
	}
	if err := set.Run(r.Context(), order.For(name)); err != nil {
		status := http.StatusInternalServerError
		if cause.IsBadRequest(err) {
			status = http.StatusBadRequest
		}
		http.Error(w, err.Error(), status)
		return order, false
	}
	return order, true
}

// Call sends a request without a body and decodes the JSON answer into out.
func Call(client *http.Client, r *http.Request, method, url string, query url.Values, out any) error {
	if len(query) > 0 {
		url += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(r.Context(), method, url, nil)
	if err != nil {
		return fmt.Errorf("calling %s: %w", url, err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("calling %s: %w", url, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return &StatusError{Status: response.StatusCode, Message: strings.TrimSpace(string(body))}
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("decoding the answer of %s: %w", url, err)
	}
	return nil
}

// StatusError is an answer other than 200 OK of a service that was called.
type StatusError struct {
	Status  int
	Message string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("answered %d %s", e.Status, e.Message)
}

// Fail answers with the status of the service that was called and refused, or
// else with 502.
func Fail(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	if refused, ok := errors.AsType[*StatusError](err); ok {
		status = refused.Status
	}
	http.Error(w, err.Error(), status)
}

// Reply writes v as JSON.
func Reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
