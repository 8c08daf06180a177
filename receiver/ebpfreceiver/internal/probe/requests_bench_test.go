// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// What a request costs the process that serves it, by what is attached to it:
// one over HTTP/2; one that makes a call of gRPC, or opens a stream, to a server
// in the same process; one that hands work to a pool, over a channel with a buffer
// and without.
func BenchmarkRequests(b *testing.B) {
	binaries := map[string]string{
		"http2": targettest.BuildHTTP2(b), "calls": targettest.BuildCalls(b), "pools": targettest.BuildPools(b, "local"),
	}
	for _, request := range []struct{ name, binary, path string }{
		{"http2", "http2", "/metrics"}, {"call", "calls", "/call?do="}, {"stream", "calls", "/stream/both?do="},
		{"buffered", "pools", "/buffered/1"}, {"unbuffered", "pools", "/selecting/1"},
	} {
		b.Run(request.name, func(b *testing.B) { benchmarkTiers(b, binaries[request.binary], request.path) })
	}
}

func benchmarkTiers(b *testing.B, binary, path string) {
	analysed, err := goexec.Open(binary)
	require.NoError(b, err)
	planned := plan.For(analysed)
	require.NoError(b, analysed.Close())
	programs, err := Load(Options{})
	require.NoError(b, err, "this needs root on a kernel that loads BPF")
	b.Cleanup(func() { require.NoError(b, programs.Close()) })
	reader, err := programs.NewReader()
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, reader.Close()) })
	server := targettest.Start(b, binary, "POOLS_FOLDER="+b.TempDir())
	executable, err := os.Open(fmt.Sprintf("/proc/%d/exe", server.PID))
	require.NoError(b, err)
	attachment, err := programs.Attach(Target{
		PID: server.PID, Executable: executable, SampleRate: 1000, Events: NoEvents(), Plan: planned,
	}, TierNone)
	require.NoError(b, err)
	b.Cleanup(func() {
		_, err := attachment.Close()
		require.NoError(b, err)
	})
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	b.Cleanup(client.CloseIdleConnections)
	url := secure(b, &client, server) + path
	for tier := range Tier(NumTiers) {
		b.Run(tier.String(), func(b *testing.B) {
			_, err := attachment.SetTier(tier)
			require.NoError(b, err)
			before := threadsTime(b, server.PID)
			for b.Loop() {
				get(b, &client, url)
			}
			b.ReportMetric(float64(threadsTime(b, server.PID)-before)/float64(b.N)/1e3, "target-µs/op")
			for { // make room for the next
				if raw, err := reader.Read(); err != nil || raw == nil {
					break
				}
			}
		})
	}
}

// secure is where the target serves over TLS, if it does.
func secure(b *testing.B, client *http.Client, server *targettest.Target) string {
	var addresses map[string]string
	require.NoError(b, json.Unmarshal(get(b, client, server.URL+"/addresses"), &addresses))
	if address, ok := addresses["tls"]; ok {
		return address
	}
	return server.URL
}

func get(b *testing.B, client *http.Client, url string) []byte {
	response, err := client.Get(url)
	require.NoError(b, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(b, err)
	require.NoError(b, response.Body.Close())
	return body
}

// threadsTime is the CPU time, in ns, that the process's threads have used.
func threadsTime(b *testing.B, pid int) (sum uint64) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	require.NoError(b, err)
	for _, thread := range threads {
		content, err := os.ReadFile(thread)
		require.NoError(b, err)
		var ns uint64
		_, err = fmt.Sscan(string(content), &ns)
		require.NoError(b, err)
		sum += ns
	}
	return sum
}
