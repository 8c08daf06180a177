// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package shop_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// received is the spans that checkout exported, with their resource.
type received struct {
	mu        sync.Mutex
	spans     []ptrace.Span
	resources []pcommon.Resource
}

func (r *received) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	export := ptraceotlp.NewExportRequest()
	if err := export.UnmarshalProto(body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range export.Traces().ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				r.spans = append(r.spans, span)
				r.resources = append(r.resources, resource.Resource())
			}
		}
	}
}

func (r *received) trace(traceID string) []ptrace.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	var spans []ptrace.Span
	for _, span := range r.spans {
		if span.TraceID().String() == traceID {
			spans = append(spans, span)
		}
	}
	return spans
}

// testOrderIsTraced: one order makes one trace of checkout's server span and its
// three client spans, exported to the endpoint that the environment names.
func testOrderIsTraced(t *testing.T, programs string) {
	var collector received
	endpoint := httptest.NewServer(&collector)
	defer endpoint.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	t.Setenv("OTEL_SERVICE_NAME", "till")
	s := startShop(t, programs)

	status, body := post(t, "http://"+s.checkout.HTTP+"/checkout?item=pen")
	require.Equal(t, http.StatusOK, status, string(body))
	var receipt struct {
		Stock struct {
			Item      string `json:"item"`
			Available int    `json:"available"`
		} `json:"stock"`
		Charge struct {
			Receipt int `json:"receipt"`
		} `json:"charge"`
		TraceID string `json:"trace_id"`
		SpanID  string `json:"span_id"`
	}
	require.NoError(t, json.Unmarshal(body, &receipt))
	require.Equal(t, "pen", receipt.Stock.Item)
	require.Positive(t, receipt.Stock.Available)
	require.Equal(t, 1, receipt.Charge.Receipt)

	require.Eventually(t, func() bool { return len(collector.trace(receipt.TraceID)) >= 4 }, 20*time.Second, 10*time.Millisecond)
	spans := collector.trace(receipt.TraceID)
	kinds := map[ptrace.SpanKind]int{}
	for _, span := range spans {
		kinds[span.Kind()]++
		if span.Kind() == ptrace.SpanKindServer {
			require.Equal(t, receipt.SpanID, span.SpanID().String())
			require.Equal(t, "POST /checkout", span.Name())
		} else {
			require.Equal(t, receipt.SpanID, span.ParentSpanID().String())
		}
	}
	require.Equal(t, map[ptrace.SpanKind]int{ptrace.SpanKindServer: 1, ptrace.SpanKindClient: 3}, kinds)
	resource := collector.resources[0].Attributes().AsRaw()
	require.Equal(t, "till", resource["service.name"])
	require.EqualValues(t, s.checkout.PID, resource["process.pid"])
}

// testBadOrders: they are refused wherever in the chain of services the fault is found.
func testBadOrders(t *testing.T, programs string) {
	s := startShop(t, programs)
	for query, message := range map[string]string{
		"cause=moon":               `cause="moon" is unknown`,
		"cause=moon&at=inventory":  `cause="moon" is unknown`,
		"cause=moon&at=payment":    `cause="moon" is unknown`,
		"cause=gc&at=bank":         `at="bank" is no service`,
		"cause=gc&ms=1000000":      "ask for 1 to 10000",
		"cause=downstream&ms=fast": `ms="fast"`,
	} {
		status, body := post(t, "http://"+s.checkout.HTTP+"/checkout?"+query)
		require.Equal(t, http.StatusBadRequest, status, query)
		require.Contains(t, string(body), message, query)
	}
	for _, service := range []announcement{s.checkout, s.inventory, s.payment} {
		response, err := http.Get("http://" + service.HTTP + "/healthz")
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode, service.Service)
	}
}

// testLoad: the load generator's every scenario is served.
func testLoad(t *testing.T, programs string) {
	s := startShop(t, programs)
	var out bytes.Buffer
	command := exec.Command(filepath.Join(programs, "loadgen"),
		"-target", "http://"+s.checkout.HTTP, "-requests", "60", "-rate", "30", "-slow", "10ms", "-concurrency", "60")
	command.Stdout = &out
	require.NoError(t, command.Run())
	var summary struct {
		Requests  int                       `json:"requests"`
		Missed    int                       `json:"missed"`
		Scenarios map[string]map[string]int `json:"scenarios"`
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &summary))
	require.Equal(t, 60, summary.Requests)
	require.Greater(t, len(summary.Scenarios), 5)
	for scenario, byStatus := range summary.Scenarios {
		require.Len(t, byStatus, 1, scenario)
		require.Positive(t, byStatus["200"], scenario)
	}
}
