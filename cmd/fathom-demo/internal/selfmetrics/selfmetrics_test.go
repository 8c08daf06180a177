// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package selfmetrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const page = `# HELP a_total what
# TYPE a_total counter
a_total{otel_scope_name="x",reason="late, or {never}",otel_scope_version=""} 3
a_total{reason="a \"quoted\" one"} 4
b 1.5e+06

c{} 0
`

func TestParse(t *testing.T) {
	samples, err := Parse(strings.NewReader(page))
	require.NoError(t, err)
	require.Equal(t, []Sample{
		{Name: "a", Labels: `reason="late, or {never}"`, Value: 3},
		{Name: "a", Labels: `reason="a \"quoted\" one"`, Value: 4},
		{Name: "b", Value: 1.5e6},
		{Name: "c"},
	}, samples)
	require.Equal(t, 7.0, Sum(samples, "a"))
	require.Zero(t, Sum(samples, "nothing"))
}

func TestParseRefuses(t *testing.T) {
	for _, line := range []string{"name", "name value"} {
		_, err := Parse(strings.NewReader(line))
		require.ErrorContains(t, err, line)
	}
}

func TestFetch(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		_, err := w.Write([]byte(page))
		if err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	samples, err := Fetch(t.Context(), server.URL+"/metrics")
	require.NoError(t, err)
	require.Len(t, samples, 4)
	_, err = Fetch(t.Context(), server.URL)
	require.ErrorContains(t, err, "404")
}
