// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	rounds      = 5
	warmUp      = 2 * time.Second
	period      = 4 * time.Second
	connections = 4
	repository  = "../.."
	metricsPort = "18889"
)

// variant is a way to observe the server.
type variant struct {
	name string
	// config of the agent, a file of testdata; none without an agent.
	config string
	// mode of ledgers, and what it attaches at most.
	mode string
}

// variants, from free to costly: a tier each, and what is the default. The second is
// the first once more: what it differs by is what the measurement cannot tell.
func variants() []variant {
	return []variant{
		{name: "without"},
		{name: "again"},
		{name: "metrics", config: "metrics.yaml"},
		{name: "sampled", config: "config.yaml", mode: "sampled"},
		{name: "exact", config: "config.yaml", mode: "exact"},
		{name: "default", config: "config.yaml", mode: "governed"},
	}
}

// round is what one variant did in one round.
type round struct {
	load  load
	agent usage
}

// BenchmarkObservedServer compares a server under the same paced load as the
// agent observes it in each way, in turns, and prints medians and ratios.
func BenchmarkObservedServer(b *testing.B) {
	programs := b.TempDir()
	build(b, programs, ".", "./tests/apps/shop/cmd/inventory", "./tests/apps/shop/cmd/payment")
	build(b, programs, "distributions/fathom", ".")
	common := []string{"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", b.TempDir()}
	var announced struct{ HTTP, GRPC string }
	payment, _ := run(b, filepath.Join(programs, "payment"), append(common, "--grpc-listen", "127.0.0.1:0")...)
	require.NoError(b, json.Unmarshal(said(b, payment), &announced))
	server, _ := run(b, filepath.Join(programs, "inventory"), append(common, "--payment-grpc", announced.GRPC)...)
	require.NoError(b, json.Unmarshal(said(b, server), &announced))
	url := "http://" + announced.HTTP + "/stock/1"

	for _, rate := range []float64{75, 1000} {
		b.Run(fmt.Sprintf("%.0f_requests_a_second", rate), func(b *testing.B) {
			for b.Loop() {
				report(b, compare(b, programs, server.Process.Pid, url, rate))
				reportPrograms(b, programs, server.Process.Pid, url, rate)
			}
		})
	}
}

func build(b *testing.B, into, module string, packages ...string) {
	b.Helper()
	command := exec.Command("go", append([]string{"build", "-o", into + "/"}, packages...)...)
	command.Dir = filepath.Join(repository, module)
	output, err := command.CombinedOutput()
	require.NoError(b, err, "building %v: %s", packages, output)
}

// compare measures each variant once a round, and returns the rounds by variant.
func compare(b *testing.B, programs string, pid int, url string, rate float64) map[string][]round {
	measured := map[string][]round{}
	ways := variants()
	for i := range rounds {
		for _, v := range slices.Concat(ways[i%len(ways):], ways[:i%len(ways)]) { // who comes first has no advantage
			measured[v.name] = append(measured[v.name], measure(b, v, programs, pid, url, rate))
		}
	}
	return measured
}

func measure(b *testing.B, v variant, programs string, pid int, url string, rate float64) (r round) {
	b.Helper()
	if v.config == "" {
		drive(b, url, pid, connections, rate, warmUp)
		r.load = drive(b, url, pid, connections, rate, period)
		return r
	}
	a := observe(b, v, programs, pid)
	defer a.end()
	drive(b, url, pid, connections, rate, warmUp) // the governor settles, too
	a.begin()
	r.load = drive(b, url, pid, connections, rate, period)
	r.agent = a.used()
	return r
}

// agent is a running agent that observes the server.
type agent struct {
	b     *testing.B
	pid   int
	end   func()
	cpu   time.Duration
	began time.Time
}

// usage is what an agent itself took.
type usage struct{ cpuPercent, residentMiB float64 }

// observe starts an agent and waits until its probes are in place.
func observe(b *testing.B, v variant, programs string, pid int) *agent {
	b.Helper()
	a := runAgent(b, v, programs, pid)
	attached := regexp.MustCompile(`(?m)^otelcol_receiver_ebpf_processes_attached\S* 1$`)
	require.Eventually(b, func() bool { return attached.Match(metrics(b)) }, 30*time.Second, 100*time.Millisecond,
		"the agent attaches to the server: needs root on a kernel that loads BPF")
	return a
}

func runAgent(b *testing.B, v variant, programs string, pid int) *agent {
	b.Helper()
	b.Setenv("FATHOM_TARGET_PID", strconv.Itoa(pid))
	b.Setenv("FATHOM_LEDGER_MODE", v.mode)
	config, err := filepath.Abs(filepath.Join("testdata", v.config))
	require.NoError(b, err)
	command, stop := run(b, filepath.Join(programs, "fathom"), "--config", config)
	return &agent{b: b, pid: command.Process.Pid, end: stop}
}

// metrics is the agent's own scrape, empty while it does not answer.
func metrics(b *testing.B) []byte {
	b.Helper()
	response, err := http.Get("http://127.0.0.1:" + metricsPort + "/metrics")
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(b, err)
	return content
}

func (a *agent) begin() { a.cpu, a.began = cpu(a.b, a.pid), time.Now() }

// used is what it took since begin.
func (a *agent) used() usage {
	return usage{
		cpuPercent:  100 * float64(cpu(a.b, a.pid)-a.cpu) / float64(time.Since(a.began)),
		residentMiB: memoryMiB(a.b, a.pid, "VmRSS"),
	}
}
