// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/ready"
	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/report"
	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/selfmetrics"
	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/supervise"
)

// exactLedgers is what the demo changes of the agent's default configuration: the
// report is about single requests, whose ledgers are to be exact whatever they cost.
const exactLedgers = "yaml:receivers::ebpf::ledger::mode: exact"

// The addresses of the agent's default configuration.
const (
	engineEndpoint = "127.0.0.1:9000"
	engineDatabase = "otel"
	agentMetrics   = "http://127.0.0.1:8888/metrics"
)

const (
	agentLimit  = 90 * time.Second
	attachLimit = 90 * time.Second
	// Rows are stored when none came for quiet: an SDK exports each second, and
	// the exporter gathers for less.
	settleLimit = 40 * time.Second
	quiet       = 3 * time.Second
	// tables that the exporter creates and the report reads.
	wantedTables = 5
	shownTraces  = 8
)

type demo struct {
	places places
	out    io.Writer
	keep   bool
	load   time.Duration

	group   *supervise.Group
	shop    shop
	reader  *report.Reader
	summary summary
}

// run goes through the steps and stops what it started, unless all steps were
// done and the run is to be kept.
func (d *demo) run(ctx context.Context) (err error) {
	if err := d.checkBinaries(); err != nil {
		return err
	}
	if err := stopLeftovers(d.places, d.out); err != nil {
		return err
	}
	if d.group, err = supervise.New(ctx, d.places.run); err != nil {
		return err
	}
	complete := false
	defer func() {
		if d.keep && complete {
			d.tellHowToGoOn()
			return
		}
		err = errors.Join(err, step(d.out, "stopping everything", func() (string, error) {
			return "stopped", d.group.Stop(grace)
		}))
	}()
	conn, err := report.Open(engineEndpoint, engineDatabase)
	if err != nil {
		return err
	}
	defer conn.Close()
	d.reader = &report.Reader{Conn: conn, Since: time.Now(), Services: services()}
	for _, s := range []struct {
		what string
		do   func(context.Context) (string, error)
	}{
		{"looking for the ClickHouse library", d.fetch},
		{"starting the agent, and ClickHouse under it", d.startAgent},
		{"starting the shop: checkout with the OTel SDK, inventory and payment without", d.startShop},
		{"waiting until the agent observes them", d.awaitObserved},
		{fmt.Sprintf("loading the shop for %v, with every cause of slowness", d.load), d.runLoad},
		{"waiting until all rows are stored", d.settle},
	} {
		if err := step(d.out, s.what, func() (string, error) { return s.do(d.group.Context()) }); err != nil {
			return err
		}
	}
	complete = true
	return d.report(d.group.Context())
}

// checkBinaries says at once what a build would have made.
func (d *demo) checkBinaries() error {
	for _, name := range append([]string{"fathom", "clickhouse-engine", "loadgen"}, services()...) {
		if _, err := os.Stat(d.places.binary(name)); err != nil {
			return fmt.Errorf("%w: run make build", err)
		}
	}
	return nil
}

func (d *demo) fetch(ctx context.Context) (string, error) {
	command := exec.CommandContext(ctx, d.places.binary("clickhouse-engine"), "fetch")
	command.Stdout, command.Stderr = d.out, d.out
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("clickhouse-engine fetch: %w", err)
	}
	return "it is there", nil
}

func (d *demo) startAgent(ctx context.Context) (string, error) {
	_, err := d.group.Start(supervise.Command{
		Name: "agent",
		Path: d.places.binary("fathom"),
		Args: []string{"--config", filepath.Join(d.places.root, "distributions", "fathom", "config.yaml"), "--config", exactLedgers},
		Env:  []string{"FATHOM_DATA=" + filepath.Join(d.places.run, "data")},
	})
	if err != nil {
		return "", err
	}
	return "ready: the tables exist, OTLP is accepted", ready.Until(ctx, agentLimit, d.agentReady)
}

// agentReady checks that the tables exist and that OTLP is accepted.
func (d *demo) agentReady(ctx context.Context) error {
	var tables uint64
	err := d.reader.Conn.QueryRow(ctx, `SELECT count() FROM system.tables WHERE database = '`+engineDatabase+`'
		AND name IN ('otel_traces', 'otel_logs', 'otel_metrics_gauge', 'otel_metrics_sum', 'otel_metrics_histogram')`).Scan(&tables)
	if err != nil {
		return fmt.Errorf("asking ClickHouse for the tables: %w", err)
	}
	if tables != wantedTables {
		return fmt.Errorf("%d of %d tables exist: see %s", tables, wantedTables, d.places.log("agent"))
	}
	return request(ctx, http.MethodGet, agentOTLP)
}

// request makes one; any answer will do.
func request(ctx context.Context, method, url string) error {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (d *demo) startShop(context.Context) (string, error) {
	running, err := startShop(d.group, d.places)
	d.shop = running
	return fmt.Sprintf("checkout http://%s, inventory http://%s, payment http://%s",
		running["checkout"].HTTP, running["inventory"].HTTP, running["payment"].HTTP), err
}

// awaitObserved sends orders, which pass through all services, until ClickHouse
// has a span with a time ledger from each service.
func (d *demo) awaitObserved(ctx context.Context) (string, error) {
	orders := 0
	err := ready.Until(ctx, attachLimit, func(ctx context.Context) error {
		if err := request(ctx, http.MethodPost, "http://"+d.shop["checkout"].HTTP+"/checkout"); err != nil {
			return err
		}
		orders++
		observed, err := d.reader.Observed(ctx)
		if err != nil {
			return err
		}
		for _, name := range services() {
			if !observed[name] {
				return fmt.Errorf("after %d orders no span of %s has a time ledger: see %s", orders, name, d.places.log("agent"))
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	samples, err := selfmetrics.Fetch(ctx, agentMetrics)
	return fmt.Sprintf("the agent observes %.0f Go processes, the shop's three among them", selfmetrics.Sum(samples, "otelcol_receiver_ebpf_processes_attached")), err
}

func (d *demo) runLoad(ctx context.Context) (string, error) {
	d.reader.Since = time.Now()
	load, err := startLoad(d.group, d.places, d.shop["checkout"].HTTP, d.load)
	if err != nil {
		return "", err
	}
	if err := load.Wait(ctx); err != nil {
		return "", err
	}
	d.summary, err = readSummary(load.Entry().Log)
	if err == nil && d.summary.failed() > 0 {
		err = fmt.Errorf("%d of %d requests failed: see %s", d.summary.failed(), d.summary.Requests, d.places.log("requests"))
	}
	return fmt.Sprintf("%d requests, all answered", d.summary.Requests), err
}

func (d *demo) settle(ctx context.Context) (string, error) {
	spans, err := ready.Settled(ctx, settleLimit, quiet, d.reader.ServerSpans)
	return fmt.Sprintf("%d spans of requests", spans), err
}
