// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/report"
	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/selfmetrics"
)

// report prints what ClickHouse holds, and fails where it lacks something.
func (d *demo) report(ctx context.Context) error {
	r, err := d.reader.Read(ctx, shownTraces)
	if err != nil {
		return fmt.Errorf("%w: see %s", err, d.places.log("agent"))
	}
	samples, err := selfmetrics.Fetch(ctx, agentMetrics)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nsent: %d requests, %d more were due while all connections were busy\n", d.summary.Requests, d.summary.Missed)
	if err := report.Render(d.out, r); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nlost on the way\n%s\n", losses(samples))
	missing := report.Missing(r, report.Wanted{
		Services: services(),
		Service:  "checkout", Route: "POST /checkout", Requests: d.summary.Requests,
	})
	if len(missing) > 0 {
		return fmt.Errorf("the report is incomplete; what the agent says of it is in %s:\n  %s",
			d.places.log("agent"), strings.Join(missing, "\n  "))
	}
	return nil
}

// losses lists the agent's counters of what it left out that are not zero.
func losses(samples []selfmetrics.Sample) string {
	var lines []string
	for _, s := range samples {
		if s.Value != 0 && isLoss(s.Name) {
			lines = append(lines, fmt.Sprintf("  %s{%s} %.0f", s.Name, s.Labels, s.Value))
		}
	}
	if len(lines) == 0 {
		return "  nothing: every counter of drops, refusals and failed sends is zero"
	}
	return strings.Join(lines, "\n")
}

func isLoss(name string) bool {
	for _, part := range []string{"dropped", "refused", "send_failed", "enqueue_failed", "unobserved", "attach_failures", "read_failures"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// tellHowToGoOn prints what can be done with a run that was kept.
func (d *demo) tellHowToGoOn() {
	fmt.Fprintf(d.out, `
everything is still running; its logs are in %s/logs
  ask:   bin/fathom-demo query "SELECT ServiceName, SpanName, SpanAttributes['fathom.time.dominant'], count() FROM otel_traces GROUP BY ALL"
         or any client of ClickHouse's native protocol at %s, database %s
  load:  curl -X POST 'http://%s/checkout?cause=mutex&ms=50'
  stop:  make stop
`, d.places.run, engineEndpoint, engineDatabase, d.shop["checkout"].HTTP)
}
