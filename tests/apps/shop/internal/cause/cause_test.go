// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	for _, test := range []struct {
		query string
		want  Order
		err   string
	}{
		{query: "", want: Order{}},
		{query: "ms=7", want: Order{}},
		{query: "cause=gc", want: Order{"gc", DefaultDuration, "payment"}},
		{query: "cause=gc&ms=7&at=checkout", want: Order{"gc", 7 * time.Millisecond, "checkout"}},
		{query: "cause=gc&ms=x", err: `ms="x"`},
		{query: "cause=gc&ms=0", err: "ask for 1 to 10000"},
		{query: "cause=gc&ms=10001", err: "ask for 1 to 10000"},
		{query: "cause=gc&at=bank", err: `at="bank" is no service`},
	} {
		t.Run(test.query, func(t *testing.T) {
			query, err := url.ParseQuery(test.query)
			require.NoError(t, err)
			order, err := Parse(query, "payment")
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, order)
			again, err := Parse(order.Query(), "inventory")
			require.NoError(t, err)
			require.Equal(t, order, again, "Query is what Parse reads")
		})
	}
}

func TestOrderIsObeyedByItsServiceOnly(t *testing.T) {
	order := Order{"gc", time.Millisecond, "payment"}
	require.Equal(t, order, order.For("payment"))
	require.Equal(t, Order{}, order.For("checkout"))
}

func newSet(t *testing.T) *Set {
	t.Helper()
	slow := httptest.NewServer(http.HandlerFunc(SlowHandler))
	t.Cleanup(slow.Close)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	set, err := New(Config{
		WAL:        filepath.Join(t.TempDir(), "shop", "test.wal"),
		Downstream: Downstream(client, slow.URL),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, set.Close()) })
	return set
}

func TestEachCauseTakesItsTime(t *testing.T) {
	set := newSet(t)
	for _, name := range set.Names() {
		if name == "cpu" {
			continue // It takes CPU time, which has no upper or lower bound in wall time here.
		}
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			require.NoError(t, set.Run(t.Context(), Order{Name: name, Duration: 20 * time.Millisecond}))
			require.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
		})
	}
}

func TestUnknownCauseIsTheRequestsFault(t *testing.T) {
	set := newSet(t)
	err := set.Run(t.Context(), Order{Name: "moon", Duration: time.Millisecond})
	require.ErrorContains(t, err, `cause="moon" is unknown: use one of channel, cpu`)
	require.True(t, IsBadRequest(err))
	require.False(t, IsBadRequest(errors.New("disk full")))
}

func TestGCPercentIsRestored(t *testing.T) {
	set := newSet(t)
	before := gogc(t)
	var requests sync.WaitGroup
	for range 3 {
		requests.Go(func() {
			if err := set.Run(t.Context(), Order{Name: "gc", Duration: time.Second}); err != nil {
				t.Error(err)
			}
		})
	}
	require.Eventually(t, func() bool { return gogc(t) == pressurePercent }, 10*time.Second, time.Millisecond)
	requests.Wait()
	require.Eventually(t, func() bool { return gogc(t) == before }, 10*time.Second, time.Millisecond)
}

func gogc(t *testing.T) uint64 {
	t.Helper()
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func TestDownstreamReportsRefusal(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	require.ErrorContains(t, Downstream(client, server.URL)(t.Context(), time.Millisecond), "404")
}
