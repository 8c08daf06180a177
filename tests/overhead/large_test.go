// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	largeData = 440 << 20 // embedded
	// Functions of the program, in packages of so many: with what they bring
	// along for debuggers and the runtime they make the rest of 500 MB.
	largePackages, largeFunctions = 60, 1000
	largeLimitMiB                 = 100
)

// BenchmarkAttachToALargeExecutable prints how much memory an agent has taken at
// most when it observes a server whose executable has about 500 MB.
func BenchmarkAttachToALargeExecutable(b *testing.B) {
	programs := b.TempDir()
	build(b, programs, "distributions/fathom", ".")
	path := buildLarge(b)
	info, err := os.Stat(path)
	require.NoError(b, err)
	for b.Loop() {
		server, stop := run(b, path)
		said(b, server)
		a := observe(b, variant{config: "config.yaml", mode: "governed"}, programs, server.Process.Pid)
		peak := memoryMiB(b, a.pid, "VmHWM")
		fmt.Printf("\nexecutable %d MB: the agent has taken %.1f MiB at most, %.1f MiB now\n\n", info.Size()/1e6, peak, memoryMiB(b, a.pid, "VmRSS"))
		a.end()
		stop()
		b.ReportMetric(peak, "peak-MiB")
		require.Less(b, peak, float64(largeLimitMiB))
	}
}

// buildLarge makes a server of net/http with much data and many functions.
func buildLarge(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(b, os.WriteFile(path, []byte(text), 0o600))
	}
	write("go.mod", "module large\n\ngo 1.26\n")
	write("data", strings.Repeat("0123456789abcdef", largeData/16))
	var imports, sums strings.Builder
	for p := range largePackages {
		fmt.Fprintf(&imports, "\t\"large/p%d\"\n", p)
		fmt.Fprintf(&sums, "\tsum += p%d.Sum(len(os.Args))\n", p)
		write(fmt.Sprintf("p%d/p.go", p), largePackage(p))
	}
	write("main.go", `package main

import (
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"os"

`+imports.String()+`)

//go:embed data
var data string

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	sum := len(data)
`+sums.String()+`	fmt.Println(listener.Addr(), sum)
	panic(http.Serve(listener, nil))
}
`)
	path := filepath.Join(dir, "large")
	command := exec.Command("go", "build", "-o", path, ".")
	command.Dir = dir
	output, err := command.CombinedOutput()
	require.NoError(b, err, "building a large program: %s", output)
	return path
}

func largePackage(p int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "package p%d\n\n", p)
	for f := range largeFunctions {
		fmt.Fprintf(&text, "//go:noinline\nfunc f%d(n int, names []string) (sum int) {\n\tfor i, name := range names {\n\t\tsum += i*n + len(name) + %d\n\t}\n\treturn sum\n}\n\n", f, f)
	}
	text.WriteString("// Sum calls all.\nfunc Sum(n int) (sum int) {\n\tnames := make([]string, n)\n")
	for f := range largeFunctions {
		fmt.Fprintf(&text, "\tsum += f%d(n, names)\n", f)
	}
	text.WriteString("\treturn sum\n}\n")
	return text.String()
}
