// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"time"
)

// step prints what begins, does it, and prints how it went and how long it took.
func step(out io.Writer, what string, do func() (result string, err error)) error {
	fmt.Fprintf(out, "• %s\n", what)
	began := time.Now()
	result, err := do()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	fmt.Fprintf(out, "  %s (%.1f s)\n", result, time.Since(began).Seconds())
	return nil
}
