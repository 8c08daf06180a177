// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/pprof/profile"
	"github.com/stretchr/testify/require"
)

// past has profiles of process 42.
type past struct{ kept *Kept[int] }

func (p past) Subjects() []Subject {
	return []Subject{{PID: 42, Service: "shop", Executable: "/opt/shop"}, {PID: 7, Service: "idle", Executable: "/bin/idle"}}
}
func (p past) Between(pid int, from, to time.Time) []*Profile {
	return p.kept.Between(pid, from, to, noon.Add(time.Minute))
}

func handlerOf(source Source) http.Handler {
	return Handler(source, "node1.test", func() time.Time { return noon.Add(time.Minute) })
}

// askedAs is the status of a request to a host.
func askedAs(h http.Handler, host string, change func(*http.Request)) int {
	request := httptest.NewRequest(http.MethodGet, Path, nil)
	request.Host = host
	change(request)
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	return answer.Code
}

func TestHandler(t *testing.T) {
	kept := NewKept[int](time.Hour, 1<<20)
	for i := range 6 {
		kept.Add(42, at(i))
	}
	server := httptest.NewServer(handlerOf(past{kept}))
	defer server.Close()
	for name, test := range map[string]struct {
		query  string
		status int
		values int64 // in periods
	}{
		"all":                 {"pid=42", http.StatusOK, 6 * 4},
		"the last seconds":    {"pid=42&seconds=15", http.StatusOK, 2 * 4},
		"between":             {"pid=42&from=" + url.QueryEscape(noon.Add(20*time.Second).Format(time.RFC3339)) + "&to=2026-11-26T12:00:40Z", http.StatusOK, 2 * 4},
		"no process":          {"", http.StatusBadRequest, 0},
		"a time that is none": {"pid=42&from=yesterday", http.StatusBadRequest, 0},
		"no seconds":          {"pid=42&seconds=-1", http.StatusBadRequest, 0},
		"backwards":           {"pid=42&from=2026-11-26T13:00:00Z", http.StatusBadRequest, 0},
		"without samples":     {"pid=7", http.StatusNotFound, 0},
		"unknown":             {"pid=8", http.StatusNotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := server.Client().Get(server.URL + Path + "?" + test.query)
			require.NoError(t, err)
			defer response.Body.Close()
			require.Equal(t, test.status, response.StatusCode)
			if test.status != http.StatusOK {
				return
			}
			got, err := profile.Parse(response.Body)
			require.NoError(t, err)
			require.NoError(t, got.CheckValid())
			sum := int64(0)
			for _, s := range got.Sample {
				sum += s.Value[0]
			}
			require.Equal(t, test.values*1e7, sum)
		})
	}
}

// A page whose name leads here cannot read profiles.
func TestHandlerIsAskedByItsName(t *testing.T) {
	kept := NewKept[int](time.Hour, 1<<20)
	kept.Add(42, at(0))
	h := handlerOf(past{kept})
	query := func(r *http.Request) { r.URL.RawQuery = "pid=42" }
	for _, host := range []string{"127.0.0.1:6062", "10.0.0.1", "[::1]:6062", "[::1]", "localhost:6062", "LocalHost", "node1.test:6062"} {
		require.Equal(t, http.StatusOK, askedAs(h, host, query), host)
	}
	for _, host := range []string{"", ":6062", "rebound.test:6062", "rebound.test", "127.0.0.1.rebound.test", "localhost.rebound.test"} {
		require.Equal(t, http.StatusForbidden, askedAs(h, host, query), host)
		require.Equal(t, http.StatusForbidden, askedAs(Handler(past{kept}, "", time.Now), host, query), host)
	}
}

func TestHandlerReadsNoBody(t *testing.T) {
	kept := NewKept[int](time.Hour, 1<<20)
	kept.Add(42, at(0))
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("pid", "42"))
	require.NoError(t, form.Close())
	require.Equal(t, http.StatusBadRequest, askedAs(handlerOf(past{kept}), "localhost", func(r *http.Request) {
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Body = io.NopCloser(&body)
	}))
}

// busy tells how many requests it was asked for at once.
type busy struct {
	past
	now, most atomic.Int32
}

func (b *busy) Between(pid int, from, to time.Time) []*Profile {
	if now := b.now.Add(1); now > b.most.Load() {
		b.most.Store(now)
	}
	defer b.now.Add(-1)
	time.Sleep(5 * time.Millisecond) // let others come
	return b.past.Between(pid, from, to)
}

func TestHandlerMakesOneProfileAtATime(t *testing.T) {
	source := &busy{past: past{NewKept[int](time.Hour, 1<<20)}}
	source.kept.Add(42, at(0))
	h := handlerOf(source)
	var asked sync.WaitGroup
	for range 8 {
		asked.Go(func() { askedAs(h, "localhost", func(r *http.Request) { r.URL.RawQuery = "pid=42" }) })
	}
	asked.Wait()
	require.EqualValues(t, 1, source.most.Load())
}
