// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/fathom-otel/fathom/tests/apps/shop/internal/cause"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRun serves, and ends in order: a request in progress is answered.
func TestRun(t *testing.T) {
	arrived := make(chan struct{})
	mux := NewMux()
	mux.HandleFunc("GET /order", func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		time.Sleep(50 * time.Millisecond)
		fmt.Fprint(w, "served")
	})
	server := &Server{
		Flags:      Flags{Name: "test", Listen: "127.0.0.1:0", Admin: "127.0.0.1:0"},
		Handler:    mux,
		GRPC:       grpc.NewServer(),
		GRPCListen: "127.0.0.1:0",
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, in) }()

	var said Announcement
	require.NoError(t, json.NewDecoder(out).Decode(&said))
	require.Equal(t, "test", said.Service)
	require.Equal(t, os.Getpid(), said.PID)
	require.NotEmpty(t, said.GRPC)
	require.NotEmpty(t, said.Admin)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	require.Equal(t, "ok\n", get(t, client, "http://"+said.HTTP+"/healthz"))

	answer := make(chan string, 1)
	go func() {
		response, err := client.Get("http://" + said.HTTP + "/order")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answer <- string(body)
	}()
	<-arrived
	stop()
	require.Equal(t, "served", <-answer)
	require.NoError(t, <-ended)
	_, err := net.Dial("tcp", said.HTTP)
	require.Error(t, err, "the listener must be closed")
}

func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	response, err := client.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

func TestRunSaysWhichAddressIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	server := &Server{Flags: Flags{Listen: "127.0.0.1:0", Admin: taken.Addr().String()}, Handler: NewMux()}
	err = server.Run(t.Context(), io.Discard)
	require.ErrorContains(t, err, "listening on "+taken.Addr().String())
}

func TestTracer(t *testing.T) {
	tracer := &tracer{}
	admin := httptest.NewServer(tracer.handler())
	defer admin.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	post := func(path string) (int, string) {
		response, err := client.Post(admin.URL+path, "", nil)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	path := filepath.Join(t.TempDir(), "trace")

	status, message := post("/trace/start?file=" + url.QueryEscape(filepath.Join(path, "no", "such")))
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, message, "creating the trace's file")

	status, message = post("/trace/start?file=" + url.QueryEscape(path))
	require.Equal(t, http.StatusOK, status, message)
	status, message = post("/trace/start?file=" + url.QueryEscape(path))
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, message, "stop it first")
	status, message = post("/trace/stop")
	require.Equal(t, http.StatusOK, status, message)
	status, _ = post("/trace/stop")
	require.Equal(t, http.StatusOK, status, "stopping twice does no harm")

	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(written[:16]), "go 1.", "an execution trace begins with its version")
}

func TestCallAndFail(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("as") {
		case "stock":
			Reply(w, Stock{Item: r.Method, Available: 3})
		case "text":
			fmt.Fprint(w, "no JSON")
		default:
			http.Error(w, "no such order", http.StatusBadRequest)
		}
	}))
	defer upstream.Close()
	client := NewClient(nil)
	defer client.CloseIdleConnections()
	request := httptest.NewRequest(http.MethodGet, "/", nil)

	var stock Stock
	require.NoError(t, Call(client, request, http.MethodPost, upstream.URL, url.Values{"as": {"stock"}}, &stock))
	require.Equal(t, Stock{Item: "POST", Available: 3}, stock)
	require.ErrorContains(t, Call(client, request, http.MethodGet, upstream.URL, url.Values{"as": {"text"}}, &stock), "decoding the answer")

	refused := Call(client, request, http.MethodGet, upstream.URL, nil, &stock)
	require.ErrorContains(t, refused, "answered 400 no such order")
	for err, status := range map[error]int{
		fmt.Errorf("charging: %w", refused): http.StatusBadRequest,
		errors.New("connection reset"):      http.StatusBadGateway,
	} {
		recorder := httptest.NewRecorder()
		Fail(recorder, err)
		require.Equal(t, status, recorder.Code)
		require.Contains(t, recorder.Body.String(), err.Error())
	}
}

func TestCauses(t *testing.T) {
	set, err := cause.New(cause.Config{WAL: filepath.Join(t.TempDir(), "wal")})
	require.NoError(t, err)
	defer func() { require.NoError(t, set.Close()) }()
	for query, status := range map[string]int{
		"":                       http.StatusOK,
		"cause=sleep&ms=1":       http.StatusOK,
		"cause=moon&at=checkout": http.StatusOK, // Another service's to refuse.
		"cause=moon":             http.StatusBadRequest,
		"cause=sleep&ms=-1":      http.StatusBadRequest,
	} {
		recorder := httptest.NewRecorder()
		_, ok := Causes(recorder, httptest.NewRequest(http.MethodPost, "/?"+query, nil), set, "payment")
		require.Equal(t, status == http.StatusOK, ok, query)
		require.Equal(t, status, recorder.Code, query)
	}
}
