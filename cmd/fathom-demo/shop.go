// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/ready"
	"github.com/fathom-otel/fathom/cmd/fathom-demo/internal/supervise"
)

// agentOTLP is where the agent's default configuration takes OTLP over HTTP.
const agentOTLP = "http://127.0.0.1:4318"

// startLimit is how long a service of the shop may take until it listens.
const startLimit = 20 * time.Second

// announcement is the line that a service prints when it listens.
type announcement struct {
	HTTP string `json:"http"`
	GRPC string `json:"grpc"`
}

// shop is the addresses of its services, by name.
type shop map[string]announcement

// services of the shop, in the order in which they need each other.
func services() []string { return []string{"payment", "inventory", "checkout"} }

// startShop starts the services on free ports.
func startShop(group *supervise.Group, places places) (shop, error) {
	running := shop{}
	for _, name := range services() {
		process, err := group.Start(supervise.Command{
			Name: name,
			Path: places.binary(name),
			Args: append([]string{"-listen", "127.0.0.1:0", "-data", places.run + "/shop"}, running.arguments(name)...),
			Env:  environment(name),
		})
		if err != nil {
			return nil, err
		}
		if running[name], err = announced(group.Context(), process.Entry().Log); err != nil {
			return nil, fmt.Errorf("waiting until %s listens: %w", name, err)
		}
	}
	return running, nil
}

// arguments tell a service where those are that it needs.
func (s shop) arguments(name string) []string {
	payment, inventory := s["payment"], s["inventory"]
	switch name {
	case "payment":
		return []string{"-grpc-listen", "127.0.0.1:0"}
	case "inventory":
		return []string{"-payment", "http://" + payment.HTTP, "-payment-grpc", payment.GRPC}
	default:
		return []string{"-inventory", "http://" + inventory.HTTP, "-payment", "http://" + payment.HTTP, "-payment-grpc", payment.GRPC}
	}
}

// environment of a service. Checkout's SDK exports each second, not each five,
// so that the demo is over sooner.
func environment(name string) []string {
	env := []string{"OTEL_SERVICE_NAME=" + name}
	if name == "checkout" {
		env = append(env, "OTEL_EXPORTER_OTLP_ENDPOINT="+agentOTLP, "OTEL_BSP_SCHEDULE_DELAY=1000")
	}
	return env
}

// announced waits for a service's announcement in its log.
func announced(ctx context.Context, log string) (said announcement, err error) {
	err = ready.Until(ctx, startLimit, func(context.Context) error {
		text, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		line, _, ended := strings.Cut(string(text), "\n")
		if !ended {
			return fmt.Errorf("it has not said where it listens: see %s", log)
		}
		return json.Unmarshal([]byte(line), &said)
	})
	return said, err
}

// summary is what the load generator prints.
type summary struct {
	Requests  uint64                       `json:"requests"`
	Missed    uint64                       `json:"missed"`
	Scenarios map[string]map[string]uint64 `json:"scenarios"`
}

// failed counts requests that were not answered with 200.
func (s summary) failed() (failed uint64) {
	for _, byStatus := range s.Scenarios {
		for status, n := range byStatus {
			if status != "200" {
				failed += n
			}
		}
	}
	return failed
}

// startLoad starts the load generator with its mix of all causes.
func startLoad(group *supervise.Group, places places, checkout string, load time.Duration) (*supervise.Process, error) {
	const perSecond = 15
	return group.Start(supervise.Command{
		Name: "loadgen",
		Path: places.binary("loadgen"),
		Args: []string{
			"-target", "http://" + checkout,
			"-rate", strconv.Itoa(perSecond),
			"-requests", strconv.Itoa(perSecond * int(load.Seconds()+1)),
			"-duration", load.String(),
			"-log", places.log("requests"),
		},
		Ends: true,
	})
}

// readSummary reads what the load generator printed.
func readSummary(log string) (sum summary, err error) {
	text, err := os.ReadFile(log)
	if err != nil {
		return sum, fmt.Errorf("reading the load generator's summary: %w", err)
	}
	if err := json.Unmarshal(text, &sum); err != nil {
		return sum, fmt.Errorf("reading the load generator's summary in %s: %w", log, err)
	}
	if sum.Requests == 0 {
		return sum, errors.New("the load generator sent no request: see " + log)
	}
	return sum, nil
}
