// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command offsetgen writes the table of struct layouts (see package layout). For
// each version it builds a program that uses the wanted types and reads their
// layouts from the program's debug information; nothing is typed in by hand.
//
// It adds to the table that is there. To add one release:
//
//	go run ./internal/offsetgen -out offsets.json -go go1.26.9 -modules ''
//
// Without -go and -modules it makes the whole table, which downloads a toolchain
// of 70 MB for each release and takes about twenty minutes on two cores.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"strings"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec/internal/layout"
)

// goReleases are the first and the last release of each supported line, as far
// as the module proxy serves them: layouts are proven for the releases between
// two that agree. Between 1.26.8 and 1.26.11 net/http changed, so each is there.
const goReleases = "go1.19.4,go1.19.13,go1.20.1,go1.20.14,go1.21.0,go1.21.13,go1.22.0,go1.22.12,go1.23.0,go1.23.12," +
	"go1.24.0,go1.24.13,go1.25.0,go1.25.14,go1.26.0,go1.26.8,go1.26.9,go1.26.10,go1.26.11,go1.27.0,go1.27.4"

// moduleReleases are the releases of libraries whose structs are read.
const moduleReleases = sdk + "v1.24.0," + sdk + "v1.26.0," + sdk + "v1.27.0," + sdk + "v1.28.0," + sdk + "v1.29.0," +
	sdk + "v1.30.0," + sdk + "v1.31.0," + sdk + "v1.32.0," + sdk + "v1.33.0," + sdk + "v1.34.0," + sdk + "v1.35.0," +
	sdk + "v1.36.0," + sdk + "v1.37.0," + sdk + "v1.38.0," + sdk + "v1.39.0," + sdk + "v1.40.0," + sdk + "v1.41.0," +
	sdk + "v1.42.0," + sdk + "v1.43.0," + sdk + "v1.44.0," + sdk + "v1.45.0," + sdk + "v1.46.0," + sdk + "v1.47.0"

const sdk = "go.opentelemetry.io/otel/sdk@"

// grpcReleases bring the releases of genproto and golang.org/x/net with them that
// they require: those that a program links unless it asks for others. The last
// asks for those that this module requires.
const grpcReleases = "," + rpc + "v1.60.1," + rpc + "v1.64.1," + rpc + "v1.68.2," + rpc + "v1.69.4," + rpc + "v1.71.1," + rpc + "v1.73.0," +
	rpc + "v1.75.1," + rpc + "v1.77.0," + rpc + "v1.79.0," + rpc + "v1.81.0," + rpc + "v1.83.0," + rpc + "v1.85.0," +
	rpc + "v1.85.0+golang.org/x/net@v0.61.0+google.golang.org/genproto/googleapis/rpc@v0.0.0-20260928230214-8a89bd6388cc"

const rpc = "google.golang.org/grpc@"

func main() {
	log.SetFlags(0)
	out := flag.String("out", "offsets.json", "the table to add to")
	releases := flag.String("go", goReleases, "Go releases, separated by commas")
	modules := flag.String("modules", moduleReleases+grpcReleases, "module@version, with others after +, separated by commas")
	architectures := flag.String("arch", "amd64,arm64", "architectures, separated by commas")
	flag.Parse()
	if err := run(*out, programs(split(*architectures), split(*releases), split(*modules))); err != nil {
		log.Fatal(err)
	}
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func run(out string, programs []program) error {
	table := new(layout.Table)
	data, err := os.ReadFile(out)
	if err == nil {
		table, err = layout.Parse(data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir, err := os.MkdirTemp("", "offsetgen")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	for _, p := range programs {
		log.Printf("%s %s", p.name, p.architecture)
		if err := p.read(dir, table); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if data, err = table.Encode(); err != nil {
			return err
		}
		if err := os.WriteFile(out, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
