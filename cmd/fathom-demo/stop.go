// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/supervise"
)

// stop stops what an earlier run left running.
func stop(places places, args []string, out io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("stop takes no argument, got %q", args[0])
	}
	return stopLeftovers(places, out)
}

// stopLeftovers says what it stops, and nothing where there is nothing.
func stopLeftovers(places places, out io.Writer) error {
	left, err := supervise.Leftovers(places.run)
	if err != nil || len(left) == 0 {
		return err
	}
	var names []string
	for _, entry := range left {
		names = append(names, entry.String())
	}
	return step(out, "stopping what an earlier run left running: "+strings.Join(names, ", "), func() (string, error) {
		return "stopped", supervise.StopLeftovers(places.run, left, grace)
	})
}
