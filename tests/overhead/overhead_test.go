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
	period      = 4 * time.Second
	connections = 4
	repository  = "../.."
	metricsPort = "18889"
)

// BenchmarkObservedServer compares a server under the same paced load with the
// agent observing it and without, in turns, and prints medians and their ratios.
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
				compare(b, programs, server.Process.Pid, url, rate)
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

func compare(b *testing.B, programs string, pid int, url string, rate float64) {
	drive(b, url, pid, connections, rate, period/4) // warm up
	var without, with []load
	var agents []usage
	for range rounds {
		without = append(without, drive(b, url, pid, connections, rate, period))
		agent := observe(b, programs, pid)
		with = append(with, drive(b, url, pid, connections, rate, period))
		agents = append(agents, agent.stop())
	}
	report(b, without, with, agents)
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
func observe(b *testing.B, programs string, pid int) *agent {
	b.Helper()
	b.Setenv("FATHOM_TARGET_PID", strconv.Itoa(pid))
	config, err := filepath.Abs("testdata/config.yaml")
	require.NoError(b, err)
	command, stop := run(b, filepath.Join(programs, "fathom"), "--config", config)
	attached := regexp.MustCompile(`(?m)^otelcol_receiver_ebpf_processes_attached\S* 1$`)
	require.Eventually(b, func() bool { return attached.Match(metrics(b)) }, 30*time.Second, 100*time.Millisecond,
		"the agent attaches to the server: needs root on a kernel that loads BPF")
	return &agent{b: b, pid: command.Process.Pid, end: stop, cpu: cpu(b, command.Process.Pid), began: time.Now()}
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

// stop ends the agent and says what it used since its probes were in place.
func (a *agent) stop() usage {
	used := usage{
		cpuPercent:  100 * float64(cpu(a.b, a.pid)-a.cpu) / float64(time.Since(a.began)),
		residentMiB: residentMiB(a.b, a.pid),
	}
	a.end()
	return used
}

func report(b *testing.B, without, with []load, agents []usage) {
	fmt.Printf("\n%-28s %12s %12s %9s\n", "median of "+strconv.Itoa(rounds)+" rounds", "without", "with", "ratio")
	line := func(what string, value func(*load) float64) (float64, float64) {
		off, on := median(without, value), median(with, value)
		fmt.Printf("%-28s %12.1f %12.1f %8.3fx\n", what, off, on, on/off)
		return off, on
	}
	line("requests/s", (*load).rate)
	off, on := line("target CPU, µs/request", (*load).perRequest)
	line("latency p50, µs", func(l *load) float64 { return l.quantile(0.5) })
	line("latency p99, µs", func(l *load) float64 { return l.quantile(0.99) })
	agentCPU := median(agents, func(u *usage) float64 { return u.cpuPercent })
	resident := median(agents, func(u *usage) float64 { return u.residentMiB })
	fmt.Printf("%-28s %12s %12.2f %% of a core\n", "agent CPU", "", agentCPU)
	fmt.Printf("%-28s %12s %12.1f MiB\n\n", "agent RSS", "", resident)
	b.ReportMetric(on-off, "target-µs/request")
	b.ReportMetric(on/off, "target-cpu-ratio")
	b.ReportMetric(agentCPU, "agent-cpu-%")
	b.ReportMetric(resident, "agent-MiB")
}

func median[T any](of []T, value func(*T) float64) float64 {
	values := make([]float64, len(of))
	for i := range of {
		values[i] = value(&of[i])
	}
	slices.Sort(values)
	return values[len(values)/2]
}
