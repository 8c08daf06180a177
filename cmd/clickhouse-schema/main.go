// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command clickhouse-schema prints the statements with which a clickhouse
// exporter of a Collector configuration creates its database and tables, for
// those who run them by other means and set create_schema: false.
//
//	clickhouse-schema -config config.yaml [-exporter clickhouse/name] [-server 26.3]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/confmap/xconfmap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "clickhouse-schema:", err)
		}
		os.Exit(1)
	}
}

// locations are the values of -config, which may be given more than once, as
// the Collector's.
type locations []string

func (l *locations) String() string { return strings.Join(*l, " ") }

// Set adds one.
func (l *locations) Set(location string) error {
	*l = append(*l, location)
	return nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("clickhouse-schema", flag.ContinueOnError)
	var configs locations
	flags.Var(&configs, "config", "a Collector `configuration`, as for its --config: a file, env:NAME or yaml:text; may be repeated")
	exporter := flags.String("exporter", "", "the `ID` of the exporter; may be left out where there is one only")
	server := flags.String("server", "26.3", "the server's `version`: from 26.2 on the tables of log records and profiles have text indexes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if len(configs) == 0 || flags.NArg() > 0 {
		return errors.New("usage: clickhouse-schema -config config.yaml [-exporter clickhouse/name] [-server 26.3]")
	}
	var major, minor int
	if _, err := fmt.Sscanf(*server, "%d.%d", &major, &minor); err != nil {
		return fmt.Errorf("-server %q: write it as 26.3", *server)
	}
	cfg, err := load(ctx, configs, *exporter)
	if err != nil {
		return err
	}
	statements, err := cfg.Statements(major, minor)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := fmt.Fprintf(out, "%s;\n\n", statement); err != nil {
			return fmt.Errorf("write the statements: %w", err)
		}
	}
	return nil
}

// load reads the configuration of an exporter as the Collector would.
func load(ctx context.Context, locations []string, id string) (*clickhouseexporter.Config, error) {
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs: locations,
		ProviderFactories: []confmap.ProviderFactory{
			fileprovider.NewFactory(), envprovider.NewFactory(), yamlprovider.NewFactory(),
		},
		DefaultScheme: "env",
	})
	if err != nil {
		return nil, fmt.Errorf("-config: %w", err)
	}
	conf, err := resolver.Resolve(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the configuration: %w", err), resolver.Shutdown(ctx))
	}
	if err := resolver.Shutdown(ctx); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	exporters, err := conf.Sub("exporters")
	if err != nil {
		return nil, fmt.Errorf("exporters: %w", err)
	}
	id, err = choose(exporters, id)
	if err != nil {
		return nil, err
	}
	section, err := exporters.Sub(id)
	if err != nil {
		return nil, fmt.Errorf("exporters::%s: %w", id, err)
	}
	cfg := clickhouseexporter.NewFactory().CreateDefaultConfig().(*clickhouseexporter.Config)
	if err := section.Unmarshal(cfg); err != nil {
		return nil, fmt.Errorf("exporters::%s: %w", id, err)
	}
	if err := xconfmap.Validate(cfg); err != nil {
		return nil, fmt.Errorf("exporters::%s: %w", id, err)
	}
	return cfg, nil
}

// choose is the ID of the exporter that is asked for, or of the only one there is.
func choose(exporters *confmap.Conf, wanted string) (string, error) {
	var found []string
	for name := range exporters.ToStringMap() {
		var id component.ID
		if id.UnmarshalText([]byte(name)) == nil && id.Type() == clickhouseexporter.NewFactory().Type() {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	switch {
	case len(found) == 0:
		return "", errors.New("exporters: the configuration has no clickhouse exporter")
	case wanted == "" && len(found) == 1:
		return found[0], nil
	case wanted == "":
		return "", fmt.Errorf("exporters: choose one of %s with -exporter", strings.Join(found, ", "))
	case !slices.Contains(found, wanted):
		return "", fmt.Errorf("-exporter %s: the configuration has %s", wanted, strings.Join(found, ", "))
	default:
		return wanted, nil
	}
}
