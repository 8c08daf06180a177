// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec/internal/layout"
)

// standardTypes are the structs of the standard library that are read in
// processes, and standardSource a program that links them all.
var standardTypes = []string{
	"runtime.g", "runtime.m", "runtime.p", "runtime.schedt", "runtime.mstats", "runtime.gcControllerState",
	"runtime.workType", "runtime.timeHistogram", "runtime.consistentHeapStats", "runtime.heapStatsDelta",
	"runtime.mheap", "runtime.sudog", "runtime.hchan", "runtime.bucket", "runtime.memRecord", "net/http.Request", "net/http.response", "net/http.Response", "net/url.URL",
	"database/sql.driverConn", "database/sql.Stmt", "crypto/tls.Conn", "crypto/tls.Config",
}

const standardSource = `package main

import (
	"database/sql"
	"net/http"
)

func main() {
	statement, _ := sql.OpenDB(nil).Prepare("")
	_, _ = statement.Query()
	_ = http.ListenAndServe("", nil)
}
`

// library is a module some of whose structs are read.
type library struct {
	types  map[string]string // type name to the module that declares it
	some   map[string]string // likewise, of types that not every release has
	source string
}

var libraries = map[string]library{
	"go.opentelemetry.io/otel/sdk": {
		types: map[string]string{
			"go.opentelemetry.io/otel/sdk/trace.recordingSpan":   "go.opentelemetry.io/otel/sdk",
			"go.opentelemetry.io/otel/sdk/trace.Status":          "go.opentelemetry.io/otel/sdk",
			"go.opentelemetry.io/otel/sdk/trace.Event":           "go.opentelemetry.io/otel/sdk",
			"go.opentelemetry.io/otel/sdk/trace.Link":            "go.opentelemetry.io/otel/sdk",
			"go.opentelemetry.io/otel/sdk/trace.tracer":          "go.opentelemetry.io/otel/sdk",
			"go.opentelemetry.io/otel/sdk/trace.TracerProvider":  "go.opentelemetry.io/otel/sdk",
			"go.opentelemetry.io/otel/sdk/instrumentation.Scope": "go.opentelemetry.io/otel/sdk",
			"go.opentelemetry.io/otel/sdk/resource.Resource":     "go.opentelemetry.io/otel/sdk",
			"go.opentelemetry.io/otel/trace.SpanContext":         "go.opentelemetry.io/otel/trace",
			"go.opentelemetry.io/otel/trace.TraceState":          "go.opentelemetry.io/otel/trace",
			"go.opentelemetry.io/otel/trace.member":              "go.opentelemetry.io/otel/trace",
			"go.opentelemetry.io/otel/attribute.KeyValue":        "go.opentelemetry.io/otel",
			"go.opentelemetry.io/otel/attribute.Value":           "go.opentelemetry.io/otel",
			"go.opentelemetry.io/otel/attribute.Set":             "go.opentelemetry.io/otel",
		},
		some: map[string]string{
			"go.opentelemetry.io/otel/attribute.Distinct":                                               "go.opentelemetry.io/otel",
			"go.opentelemetry.io/otel/sdk/trace.evictedQueue":                                           "go.opentelemetry.io/otel/sdk",
			"go.opentelemetry.io/otel/sdk/trace.evictedQueue[go.opentelemetry.io/otel/sdk/trace.Event]": "go.opentelemetry.io/otel/sdk",
			"go.opentelemetry.io/otel/sdk/trace.evictedQueue[go.opentelemetry.io/otel/sdk/trace.Link]":  "go.opentelemetry.io/otel/sdk",
		},
		source: `package main

import (
	"context"

	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	_, span := trace.NewTracerProvider().Tracer("").Start(context.Background(), "")
	span.End()
}
`,
	},
	"google.golang.org/grpc": {
		types: map[string]string{
			"google.golang.org/grpc/internal/transport.Stream":        "google.golang.org/grpc",
			"google.golang.org/grpc/internal/transport.CallHdr":       "google.golang.org/grpc",
			"google.golang.org/grpc.clientStream":                     "google.golang.org/grpc",
			"google.golang.org/grpc/internal/status.Error":            "google.golang.org/grpc",
			"google.golang.org/grpc.ClientConn":                       "google.golang.org/grpc",
			"google.golang.org/grpc/internal/status.Status":           "google.golang.org/grpc",
			"google.golang.org/genproto/googleapis/rpc/status.Status": "google.golang.org/genproto/googleapis/rpc",
			"golang.org/x/net/http2.MetaHeadersFrame":                 "golang.org/x/net",
			"golang.org/x/net/http2.HeadersFrame":                     "golang.org/x/net",
			"golang.org/x/net/http2.FrameHeader":                      "golang.org/x/net",
			"golang.org/x/net/http2/hpack.HeaderField":                "golang.org/x/net",
		},
		some: map[string]string{"google.golang.org/grpc/internal/transport.ServerStream": "google.golang.org/grpc"},
		source: `package main

import (
	"context"
	"net"

	"google.golang.org/grpc"
)

func main() {
	listener, _ := net.Listen("tcp", "")
	_ = grpc.NewServer().Serve(listener)
	client, _ := grpc.Dial("")
	_ = client.Invoke(context.Background(), "", nil, nil)
}
`,
	},
}

// program is one thing to build and read.
type program struct {
	name         string // "go1.26.8" or "module@version"
	architecture string
	toolchain    string // for GOTOOLCHAIN
	source       string
	requirement  string            // module@version to get first, and others after +
	types, some  map[string]string // type name to module
}

func programs(architectures, releases, modules []string) []program {
	var list []program
	for _, architecture := range architectures {
		for _, release := range releases {
			types := make(map[string]string)
			for _, name := range standardTypes {
				types[name] = layout.Standard
			}
			list = append(list, program{name: release, architecture: architecture, toolchain: release, source: standardSource, types: types})
		}
		for _, module := range modules {
			path, _, _ := strings.Cut(module, "@")
			known := libraries[path]
			list = append(list, program{
				name: module, architecture: architecture, toolchain: "local", source: known.source,
				requirement: module, types: known.types, some: known.some,
			})
		}
	}
	return list
}

// read builds the program and adds the layouts of its types to the table.
func (p program) read(dir string, table *layout.Table) error {
	binary, err := p.build(dir)
	if err != nil {
		return err
	}
	defer os.Remove(binary) //nolint:errcheck // a temporary file
	return readLayouts(binary, p, table)
}

func (p program) build(dir string) (string, error) {
	folder, err := os.MkdirTemp(dir, "program")
	if err != nil {
		return "", err
	}
	files := map[string]string{"main.go": p.source, "go.mod": "module program\n"}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	if p.requirement != "" {
		if err := p.command(folder, append([]string{"get"}, strings.Split(p.requirement, "+")...)...); err != nil {
			return "", err
		}
	}
	binary := filepath.Join(folder, "program")
	return binary, p.command(folder, "build", "-o", binary, "main.go")
}

// command runs the go command without what this module's environment sets.
func (p program) command(folder string, arguments ...string) error {
	command := exec.Command("go", arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GOTOOLCHAIN="+p.toolchain, "GOARCH="+p.architecture, "GOOS=linux",
		"CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off", "GOEXPERIMENT=")
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(arguments, " "), err, output)
	}
	return nil
}
