// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// requestTimeout bounds a request whatever checkout does.
const requestTimeout = 30 * time.Second

// plan is a load: open-loop, so that a slow answer does not slow the load down,
// and bounded in rate, number, time and concurrency.
type plan struct {
	target      string
	rate        float64
	requests    int
	duration    time.Duration
	concurrency int
	slow        time.Duration
	seed        uint64
	scenarios   []scenario
}

func (p *plan) validate() error {
	var errs []error
	if p.rate <= 0 || p.rate > 100_000 {
		errs = append(errs, fmt.Errorf("-rate is %v: use more than 0, at most 100000", p.rate))
	}
	if p.requests <= 0 {
		errs = append(errs, fmt.Errorf("-requests is %d: use 1 or more", p.requests))
	}
	if p.duration <= 0 {
		errs = append(errs, fmt.Errorf("-duration is %v: use more than 0", p.duration))
	}
	if p.concurrency <= 0 {
		errs = append(errs, fmt.Errorf("-concurrency is %d: use 1 or more", p.concurrency))
	}
	if p.slow < time.Millisecond {
		errs = append(errs, fmt.Errorf("-slow is %v: use 1ms or more", p.slow))
	}
	return errors.Join(errs...)
}

// outcome of one request. Status is the HTTP status, or error where there was none.
type outcome struct {
	Scenario string  `json:"scenario"`
	Status   string  `json:"status"`
	Millis   float64 `json:"ms"`
	TraceID  string  `json:"trace_id,omitempty"`
	SpanID   string  `json:"span_id,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// run sends the load, writes each outcome to log and returns the summary.
func (p *plan) run(ctx context.Context, log io.Writer) (*summary, error) {
	ctx, cancel := context.WithTimeout(ctx, p.duration)
	defer cancel()
	client := &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: p.concurrency}}
	defer client.CloseIdleConnections()

	random := rand.New(rand.NewPCG(p.seed, p.seed))
	slots := make(chan struct{}, p.concurrency)
	outcomes := make(chan outcome, p.concurrency)
	sum := newSummary()
	var logErr error
	var collector, senders sync.WaitGroup
	collector.Go(func() {
		encoder := json.NewEncoder(log)
		for o := range outcomes {
			sum.add(o)
			logErr = errors.Join(logErr, encoder.Encode(o))
		}
	})

	missed := 0
	ticks := time.NewTicker(time.Duration(float64(time.Second) / p.rate))
	defer ticks.Stop()
	for due := 0; due < p.requests && ctx.Err() == nil; due++ {
		chosen := choose(p.scenarios, random)
		select {
		case slots <- struct{}{}:
			senders.Go(func() {
				outcomes <- p.send(client, chosen)
				<-slots
			})
		default:
			missed++
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
	senders.Wait()
	close(outcomes)
	collector.Wait()
	sum.Missed = missed
	if logErr != nil {
		return nil, fmt.Errorf("writing the log: %w", logErr)
	}
	return sum, nil
}

// send makes one request. It is not cut short when the load ends: every request
// that was started is answered and counted.
func (p *plan) send(client *http.Client, s scenario) (o outcome) {
	o = outcome{Scenario: s.name, Status: "error"}
	began := time.Now()
	defer func() { o.Millis = float64(time.Since(began)) / float64(time.Millisecond) }()
	response, err := client.Post(p.target+"/checkout?"+s.query(p.slow).Encode(), "", nil)
	if err != nil {
		o.Error = err.Error()
		return o
	}
	defer response.Body.Close()
	o.Status = strconv.Itoa(response.StatusCode)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		o.Error = err.Error()
		return o
	}
	if response.StatusCode != http.StatusOK {
		o.Error = string(body)
		return o
	}
	var receipt struct {
		TraceID string `json:"trace_id"`
		SpanID  string `json:"span_id"`
	}
	if err := json.Unmarshal(body, &receipt); err != nil {
		o.Error = err.Error()
	}
	o.TraceID, o.SpanID = receipt.TraceID, receipt.SpanID
	return o
}
