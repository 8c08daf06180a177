// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"context"
	"sync"
	"time"
)

// mutex waits for a sync.Mutex that another goroutine holds. The mutex is the
// call's own, so that each call waits for d and not for the calls before it.
func mutex(_ context.Context, d time.Duration) error {
	var prices sync.Mutex
	held := make(chan struct{})
	go func() {
		prices.Lock()
		defer prices.Unlock()
		close(held)
		time.Sleep(d)
	}()
	<-held
	prices.Lock()
	defer prices.Unlock()
	return nil
}
