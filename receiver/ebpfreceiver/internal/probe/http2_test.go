// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// Where nothing is known of the process's HTTP/2 server, its requests are counted.
func TestRequestsOverAnUnknownHTTP2(t *testing.T) {
	programs, server := attachedTo(t, targettest.BuildStreams(t, "local"), Options{}, func(target *Target) {
		target.Plan.HTTP2 = false
		delete(target.Plan.Probes, plan.HTTP2Starts)
		delete(target.Plan.Probes, plan.HTTP2Finishes)
	})
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	defer client.CloseIdleConnections()
	response, err := client.Get("https" + server.URL[len("http"):])
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 2, response.ProtoMajor)
	for _, r := range readAll(t, programs) {
		_, told := r.(*record.Request)
		require.False(t, told)
	}
	require.EqualValues(t, 1, counters(t, programs)[UnsupportedHTTP2])
}
