// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/churl"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

const (
	// defaultDialTimeout and defaultMaxLifetime are those of clickhouse-go,
	// whose parameters the endpoint takes.
	defaultDialTimeout = 30 * time.Second
	defaultMaxLifetime = time.Hour
	// defaultMaxConnections suffices for the queue's default of 10 consumers,
	// each of which inserts into up to 5 tables at once.
	defaultMaxConnections = 50
)

// target is where the tables are and how to get there.
type target struct {
	client   client.Options
	database string
}

// deduplicationOff is a setting with which tokens do not count, or none. Those
// of asynchronous inserts count on servers that have the setting
// deduplicate_insert, and enable it.
func (t target) deduplicationOff() string {
	for _, setting := range t.client.Settings {
		off := setting.Value == "0" || setting.Value == "false" || setting.Value == "disable"
		switch {
		case setting.Key == "async_insert" && !off, setting.Key == "insert_deduplicate" && off,
			setting.Key == "deduplicate_insert" && off:
			return setting.Key + "=" + setting.Value
		}
	}
	return ""
}

// target reads endpoint, connection_params and the keys that override them.
// Each error names its key.
func (cfg *Config) target(clientName string) (target, error) {
	dsn, err := cfg.dsn()
	if err != nil {
		return target{}, err
	}
	parsed, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return target{}, fmt.Errorf("endpoint, connection_params: %w", err)
	}
	compression, level := compressionOf(parsed.Compression)
	tlsConfig, err := cfg.tlsConfig(parsed.TLS)
	if errs := errors.Join(err, checkAddresses(parsed.Addr)); errs != nil {
		return target{}, errs
	}

	database := cfg.databaseOr(parsed.Auth.Database)
	login := database
	if cfg.CreateSchema {
		// The database may not exist yet: then nobody can log in to it.
		login = schema.DefaultDatabase
	}
	return target{database: database, client: client.Options{
		Addresses:        parsed.Addr,
		Strategy:         strategyOf(parsed.ConnOpenStrategy),
		TLS:              tlsConfig,
		DialTimeout:      orDefault(parsed.DialTimeout, defaultDialTimeout),
		Database:         login,
		User:             parsed.Auth.Username,
		Password:         parsed.Auth.Password,
		Settings:         settingsOf(parsed.Settings),
		Compression:      compression,
		CompressionLevel: level,
		ClientName:       joinProducts(parsed.ClientInfo, clientName),
		MaxConnections:   orDefault(parsed.MaxOpenConns, defaultMaxConnections),
		MaxLifetime:      orDefault(parsed.ConnMaxLifetime, defaultMaxLifetime),
	}}, nil
}

// dsn is the endpoint with everything in it that overrides its parameters.
func (cfg *Config) dsn() (string, error) {
	if cfg.Endpoint == "" {
		return "", errors.New("endpoint: must be set, for example to tcp://127.0.0.1:9000")
	}
	scheme, _, found := strings.Cut(cfg.Endpoint, "://")
	switch {
	case !found:
		return "", errors.New("endpoint: has no scheme; write it as tcp://host:9000")
	case scheme == "http" || scheme == "https":
		return "", fmt.Errorf("endpoint: %s:// is not supported, this exporter speaks the native protocol; "+
			"use tcp://host:9000, or with TLS tcp://host:9440?secure=true", scheme)
	case !slices.Contains([]string{"tcp", "clickhouse", "native"}, scheme):
		return "", fmt.Errorf("endpoint: scheme %q is unknown; use tcp:// or clickhouse://", scheme)
	}
	// The driver's parser hides passwords in its errors, so it goes first.
	if _, err := clickhouse.ParseDSN(cfg.Endpoint); err != nil {
		return "", fmt.Errorf("endpoint: %w", err)
	}
	// net/url refuses several addresses where one is of IPv6.
	endpoint, err := churl.Parse(cfg.Endpoint)
	if err != nil {
		return "", errors.New("endpoint: is not a URL; write it as tcp://host1:9000,host2:9000?parameter=value")
	}
	query := endpoint.Query()
	for key, value := range cfg.ConnectionParams {
		query.Set(key, value)
	}
	if err := checkParameters(query); err != nil {
		return "", err
	}
	if !query.Has("async_insert") {
		query.Set("async_insert", fmt.Sprint(cfg.AsyncInsert))
	}
	if !query.Has("max_partitions_per_insert_block") && !query.Has("throw_on_max_partitions_per_insert_block") {
		// The tables have a partition a day. Past the server's limit of 100 a batch
		// would fail for ever, as TOO_MANY_PARTS, which an overload is, too.
		query.Set("max_partitions_per_insert_block", "0")
	}
	if !query.Has("compress") {
		query.Set("compress", cfg.Compress)
	}
	compress, err := normalCompression(query.Get("compress"))
	if err != nil {
		return "", err
	}
	query.Set("compress", compress)
	if cfg.Username != "" {
		query.Del("username")
		query.Del("password")
		endpoint.User = url.UserPassword(cfg.Username, string(cfg.Password))
	}
	endpoint.RawQuery = query.Encode()
	return endpoint.String(), nil
}

// checkParameters refuses the driver's parameters that would have no effect.
func checkParameters(query url.Values) error {
	var errs error
	for _, parameter := range []struct{ name, why string }{
		{"http_proxy", "is for HTTP only"},
		{"http_path", "is for HTTP only"},
		{"read_timeout", "has no effect; set timeout"},
		{"max_idle_conns", "has no effect; set max_open_conns"},
		{"block_buffer_size", "has no effect: this exporter reads no rows"},
		{"max_compression_buffer", "has no effect: this exporter compresses in frames of its own size"},
		{"debug", "has no effect; set service.telemetry.logs.level"},
		{"insert_deduplication_token", "is another one for each insert; with one for all, only the first would be stored"},
	} {
		if query.Has(parameter.name) {
			errs = errors.Join(errs, fmt.Errorf("endpoint, connection_params: %s %s; remove it",
				parameter.name, parameter.why))
		}
	}
	return errs
}

// normalCompression is one of lz4, lz4hc, zstd and none: what the native
// protocol has.
func normalCompression(compress string) (string, error) {
	switch compress {
	case "lz4", "lz4hc", "zstd", "none":
		return compress, nil
	case "", "true", "1":
		return "lz4", nil
	case "false", "0":
		return "none", nil
	case "gzip", "deflate", "br":
		return "", fmt.Errorf("compress: %s is for HTTP only; use lz4, zstd or none", compress)
	default:
		return "", fmt.Errorf("compress: %q is unknown; use lz4, lz4hc, zstd or none", compress)
	}
}

// compressionOf maps the driver's compression, normal already, to the wire's.
func compressionOf(c *clickhouse.Compression) (ch.Compression, ch.CompressionLevel) {
	switch c.Method {
	case clickhouse.CompressionLZ4:
		return ch.CompressionLZ4, 0
	case clickhouse.CompressionLZ4HC:
		return ch.CompressionLZ4HC, ch.CompressionLevel(max(0, c.Level))
	case clickhouse.CompressionZSTD:
		return ch.CompressionZSTD, 0
	default:
		return ch.CompressionDisabled, 0
	}
}

func checkAddresses(addresses []string) error {
	var errs error
	for _, address := range addresses {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			errs = errors.Join(errs, fmt.Errorf("endpoint: address %q must be host:port, such as 127.0.0.1:9000", address))
		}
	}
	return errs
}

// tlsConfig is tls, where any of its keys is set, else what the endpoint says.
func (cfg *Config) tlsConfig(fromEndpoint *tls.Config) (*tls.Config, error) {
	if !cfg.tlsIsSet() {
		return fromEndpoint, nil
	}
	loaded, err := cfg.TLS.LoadTLSConfig(context.Background())
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return loaded, nil
}

// databaseOr is the database of the tables: the key's unless it is the
// default, then the endpoint's.
func (cfg *Config) databaseOr(fromEndpoint string) string {
	if cfg.Database != "" && cfg.Database != schema.DefaultDatabase {
		return cfg.Database
	}
	if fromEndpoint != "" {
		return fromEndpoint
	}
	return schema.DefaultDatabase
}

func strategyOf(strategy clickhouse.ConnOpenStrategy) client.Strategy {
	switch strategy {
	case clickhouse.ConnOpenRoundRobin:
		return client.RoundRobin
	case clickhouse.ConnOpenRandom:
		return client.Random
	default:
		return client.InOrder
	}
}

// settingsOf is the server settings in order of their names. They are marked
// important, so that the server refuses one that it does not know.
func settingsOf(settings clickhouse.Settings) []ch.Setting {
	list := make([]ch.Setting, 0, len(settings))
	for key, value := range settings {
		list = append(list, ch.Setting{Key: key, Value: fmt.Sprint(value), Important: true})
	}
	slices.SortFunc(list, func(a, b ch.Setting) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// joinProducts is the client name: client_info_product, then our own.
func joinProducts(info clickhouse.ClientInfo, own string) string {
	var names []string
	for _, product := range info.Products {
		names = append(names, product.Name+"/"+product.Version)
	}
	return strings.Join(append(names, own), " ")
}

func orDefault[T int | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}
