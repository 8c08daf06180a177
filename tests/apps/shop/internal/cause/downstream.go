// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// SlowPath is where every service answers after the asked number of milliseconds.
const SlowPath = "/slow"

// Downstream asks the service at base for an answer that takes d: meanwhile the
// caller waits in net/http for the connection's reader.
func Downstream(client *http.Client, base string) Func {
	return func(ctx context.Context, d time.Duration) error {
		query := url.Values{"ms": {strconv.FormatInt(d.Milliseconds(), 10)}}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+SlowPath+"?"+query.Encode(), nil)
		if err != nil {
			return fmt.Errorf("asking downstream: %w", err)
		}
		response, err := client.Do(request)
		if err != nil {
			return fmt.Errorf("asking downstream: %w", err)
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return fmt.Errorf("reading downstream's answer: %w", err)
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("downstream answered %s", response.Status)
		}
		return nil
	}
}

// SlowHandler is the other end of Downstream.
func SlowHandler(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(r.URL.Query().Get("ms"))
	d := time.Duration(ms) * time.Millisecond
	if err != nil || d <= 0 || d > MaxDuration {
		http.Error(w, fmt.Sprintf("ms must be 1 to %d", MaxDuration.Milliseconds()), http.StatusBadRequest)
		return
	}
	time.Sleep(d)
	fmt.Fprintln(w, "done")
}
