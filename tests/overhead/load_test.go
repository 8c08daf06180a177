// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// load is what was measured under a number of requests.
type load struct {
	requests int
	duration time.Duration
	latency  []time.Duration // sorted
	cpu      time.Duration   // of the server
}

func (l *load) perRequest() float64 { return float64(l.cpu.Microseconds()) / float64(l.requests) }

func (l *load) rate() float64 { return float64(l.requests) / l.duration.Seconds() }

// quantile of the latency in microseconds.
func (l *load) quantile(q float64) float64 {
	return float64(l.latency[int(q*float64(len(l.latency)-1))].Nanoseconds()) / 1000
}

// drive sends a paced stream of requests over a few connections, so that rounds
// with and without observation do the same work.
func drive(b *testing.B, url string, pid, connections int, rate float64, period time.Duration) load {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	latencies := make([][]time.Duration, connections)
	before, began := cpu(b, pid), time.Now()
	var senders sync.WaitGroup
	for i := range connections {
		senders.Go(func() {
			pace := time.NewTicker(time.Duration(float64(connections) / rate * float64(time.Second)))
			defer pace.Stop()
			for time.Since(began) < period {
				<-pace.C
				sent := time.Now()
				response, err := client.Get(url)
				if err != nil {
					b.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				if err := response.Body.Close(); err != nil {
					b.Error(err)
				}
				if err != nil || response.StatusCode != http.StatusOK {
					b.Errorf("%s: %v", response.Status, err)
					return
				}
				latencies[i] = append(latencies[i], time.Since(sent))
			}
		})
	}
	senders.Wait()
	measured := load{duration: time.Since(began), cpu: cpu(b, pid) - before, latency: slices.Concat(latencies...)}
	measured.requests = len(measured.latency)
	require.Positive(b, measured.requests)
	slices.Sort(measured.latency)
	return measured
}
