// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	spanWarmUp = 500 * time.Millisecond
	spanPeriod = 1500 * time.Millisecond
	otlpEnv    = "FATHOM_OTLP_PORT"
)

// spanLoads are a busy server, and more than two cores can make and export.
func spanLoads() []spanLoad { return []spanLoad{{rate: 10_000, rounds: 5}, {rate: 60_000, rounds: 1}} }

// spanLoad is how many spans are made a second, and how often each way is measured.
type spanLoad struct{ rate, rounds int }

// spanWays are how the spans of a program come to an agent: not at all, by the
// SDK's own exporter, or by the receiver, with sampled ledgers or exact ones.
func spanWays() []variant {
	return []variant{
		{name: "without"},
		{name: "exporter", config: "otlp.yaml"},
		{name: "sampled", config: "sdkspans.yaml", mode: "sampled"},
		{name: "exact", config: "sdkspans.yaml", mode: "exact"},
	}
}

// spanRound is what one way did in one round.
type spanRound struct {
	made
	cpu, agentCPU time.Duration // while they were made
	agentMiB      float64
	all           int // made since the program began
	fate          spanFate
}

func (r *spanRound) targetCPU() float64 { return perSpan(r.cpu, r.Made) }

func (r *spanRound) agentPerSpan() float64 { return perSpan(r.agentCPU, r.Made) }

func perSpan(d time.Duration, n int) float64 { return d.Seconds() * 1e6 / float64(n) }

// BenchmarkSDKSpans compares a program whose spans are exported by its SDK with the
// same one whose spans are told by the receiver. Every span must be delivered, or
// counted by who lost it.
func BenchmarkSDKSpans(b *testing.B) {
	programs := b.TempDir()
	build(b, programs, ".", "./tests/apps/spans")
	build(b, programs, "distributions/fathom", ".")
	for _, load := range spanLoads() {
		b.Run(fmt.Sprintf("%d_spans_a_second", load.rate), func(b *testing.B) {
			for b.Loop() {
				measured := map[string][]spanRound{}
				for range load.rounds {
					for _, way := range spanWays() {
						measured[way.name] = append(measured[way.name], measureSpans(b, load.rate, way, programs))
					}
				}
				reportSpans(b, load, measured)
			}
		})
	}
}

func measureSpans(b *testing.B, rate int, way variant, programs string) (r spanRound) {
	b.Helper()
	b.Setenv(otlpEnv, freePort(b))
	m := startMaker(b, filepath.Join(programs, "spans"), way)
	defer m.end()
	var a *agent
	if way.config != "" {
		a = collect(b, way, programs, m.command.Process.Pid)
		defer a.end()
	}
	r.all = m.make(rate, spanWarmUp).Made
	if a != nil {
		a.begin()
	}
	before := cpu(b, m.command.Process.Pid)
	r.made = m.make(rate, spanPeriod)
	r.cpu = cpu(b, m.command.Process.Pid) - before
	r.all += r.Made
	if a == nil {
		return r
	}
	time.Sleep(500 * time.Millisecond) // the last have come, before the agent is busy with being asked
	r.agentCPU, r.agentMiB = cpu(b, a.pid)-a.cpu, memoryMiB(b, a.pid, "VmRSS")
	r.fate = awaitFate(b, way, r)
	return r
}

// collect starts an agent that takes the spans.
func collect(b *testing.B, way variant, programs string, pid int) *agent {
	b.Helper()
	if way.mode != "" {
		return observe(b, way, programs, pid)
	}
	a := runAgent(b, way, programs, pid)
	require.Eventually(b, func() bool {
		connection, err := net.Dial("tcp", "127.0.0.1:"+os.Getenv(otlpEnv))
		return err == nil && connection.Close() == nil && metrics(b) != nil
	}, 30*time.Second, 100*time.Millisecond, "the agent takes spans by OTLP")
	return a
}

func freePort(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(b, err)
	return port
}

// maker is a running program of tests/apps/spans.
type maker struct {
	b       *testing.B
	command *exec.Cmd
	ask     *json.Encoder
	answers *bufio.Reader
	end     func()
}

// made is what the program answers.
type made struct {
	Made            int
	Took            time.Duration
	Dropped, Failed int64
	End, Operation  struct{ P50, P99 time.Duration }
}

func startMaker(b *testing.B, program string, way variant) *maker {
	b.Helper()
	m := &maker{b: b, command: exec.Command(program)}
	if strings.HasPrefix(way.config, "otlp") {
		m.command.Args = append(m.command.Args, "-exporter", "http://127.0.0.1:"+os.Getenv(otlpEnv)+"/v1/traces")
	}
	m.command.Stderr = os.Stderr
	input, err := m.command.StdinPipe()
	require.NoError(b, err)
	output, err := m.command.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, m.command.Start())
	m.ask, m.answers = json.NewEncoder(input), bufio.NewReader(output)
	m.end = func() {
		require.NoError(b, input.Close())
		kill := time.AfterFunc(20*time.Second, func() { _ = m.command.Process.Kill() })
		defer kill.Stop()
		require.NoError(b, m.command.Wait())
	}
	return m
}

// make lets it make spans for some time.
func (m *maker) make(rate int, period time.Duration) (answer made) {
	m.b.Helper()
	require.NoError(m.b, m.ask.Encode(map[string]any{"rate": rate, "period": period}))
	line, err := m.answers.ReadBytes('\n')
	require.NoError(m.b, err, "the program makes spans")
	require.NoError(m.b, json.Unmarshal(line, &answer))
	require.NotZero(m.b, answer.Made)
	return answer
}
