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
	fmt.Fprint(d.out, "\n", account(samples))
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

// account lists the agent's counters that are not zero: of what it lost, and of
// what it left out on purpose.
func account(samples []selfmetrics.Sample) string {
	lost := nonZero(samples, isLoss)
	left := nonZero(samples, func(name string) bool { return !isLoss(name) && isLeftOut(name) })
	if len(lost) == 0 {
		lost = []string{"nothing: every counter of records dropped and sends failed is zero"}
	}
	text := "lost\n  " + strings.Join(lost, "\n  ") + "\n"
	if len(left) > 0 {
		text += "left out\n  " + strings.Join(left, "\n  ") + "\n"
	}
	return text
}

func nonZero(samples []selfmetrics.Sample, is func(name string) bool) []string {
	var lines []string
	for _, s := range samples {
		if s.Value != 0 && is(s.Name) {
			lines = append(lines, fmt.Sprintf("%s{%s} %.0f", s.Name, s.Labels, s.Value))
		}
	}
	return lines
}

// isLoss knows the counters of data that was seen, or accepted, and is gone.
func isLoss(name string) bool {
	switch name {
	case "otelcol_receiver_ebpf_records_dropped", "otelcol_receiver_ebpf_kernel_records_dropped",
		"otelcol_processor_span_enrichment_spans_refused", "otelcol_exporter_clickhouse_rows_refused":
		return true
	default:
		return strings.HasPrefix(name, "otelcol_exporter_") && strings.Contains(name, "_failed_") ||
			strings.HasPrefix(name, "otelcol_receiver_refused_")
	}
}

// isLeftOut knows the counters of what was not observed, and of events that were
// joined to no span: those are stored as they are.
func isLeftOut(name string) bool {
	switch name {
	case "otelcol_receiver_ebpf_attach_failures", "otelcol_receiver_ebpf_probes_refused",
		"otelcol_receiver_ebpf_requests_unobserved", "otelcol_receiver_ebpf_runtime_read_failures",
		"otelcol_processor_span_enrichment_records_unjoined":
		return true
	default:
		return false
	}
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
