// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"context"
	"time"
)

// sleep calls time.Sleep.
func sleep(_ context.Context, d time.Duration) error {
	time.Sleep(d)
	return nil
}
