// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// badCases is what each error must say.
func badCases() map[string][]string {
	cases := map[string][]string{
		"bad/endpoint_missing":          {"endpoint: must be set, for example to tcp://"},
		"bad/endpoint_without_scheme":   {"endpoint: has no scheme; write it as tcp://"},
		"bad/endpoint_http":             {"endpoint: http:// is not supported", "tcp://host:9000"},
		"bad/endpoint_scheme":           {`endpoint: scheme "ftp" is unknown`},
		"bad/endpoint_without_port":     {`endpoint: address "127.0.0.1" must be host:port`},
		"bad/endpoint_dial_timeout":     {"endpoint: ", "dial timeout", "soon"},
		"bad/endpoint_not_a_url":        {"endpoint: "},
		"bad/password_alone":            {"password: is used with username only"},
		"bad/compress_http":             {"compress: gzip is for HTTP only"},
		"bad/compress_unknown":          {`compress: "middle-out" is unknown`},
		"bad/connection_params":         {"connection_params: http_path is for HTTP only", "read_timeout has no effect; set timeout"},
		"bad/tls":                       {"tls: ", "no-such-file.crt"},
		"bad/ttl_negative":              {"ttl: -1h0m0s must be zero or a positive number"},
		"bad/ttl_fraction":              {"ttl: 1.5s must be zero or a positive number of whole seconds"},
		"bad/table_engine_params_alone": {"table_engine.params: has no effect without table_engine.name"},
		"bad/table_empty":               {"traces_table_name: must not be empty"},
		"bad/table_twice":               {`logs_table_name: "otel_logs" is the table of traces_table_name already`},
		"bad/derived_table_empty":       {"derived_tables.red.name: must not be empty"},
		"bad/derived_table_twice":       {`derived_tables.time_ledger.name: "otel_traces" is the table of traces_table_name already`},
		"bad/derived_without_schema":    {"derived_tables.service_map.enabled: has no effect with create_schema: false"},
		"bad/derived_engine":            {"derived_tables.red.enabled: needs another table_engine.name", "ReplacingMergeTree"},
		"bad/sharding": {
			"endpoint: has no effect with sharding.shards; remove it", "sharding.key: must not be empty",
			"sharding.shards[1].endpoint: is that of sharding.shards[0]", "sharding.shards[2]: endpoint: http:// is not supported",
			"distributed: the tables of all shards must be in one database",
		},
		"bad/distributed": {
			"distributed.enabled: needs cluster_name", "distributed.enabled: has no effect with create_schema: false and sharding.shards",
			"distributed.local_suffix: must differ from distributed.suffix", "distributed.sharding_key.logs: must not be empty",
		},
		"bad/retention": {
			"retention.traces.ttl: 1.5s must be zero", "retention.traces.move[0]: set to_volume or to_disk",
			"retention.logs.move[0].after: 96h0m0s must be less than the ttl, 72h0m0s",
			"retention.metrics.move[0].after: 0s must be a positive number",
			"retention.metrics.move[2].after: 1h0m0s must be more than the 2h0m0s", "retention.metrics.move[2]: set to_volume or to_disk",
			"retention.profiles.ttl: -1s must be zero",
		},
		"bad/everything_at_once": {"endpoint: https://", "ttl: ", "logs_table_name: must not be empty"},
		"bad/timeout":            {"timeout"},
		"bad/unknown_key":        {"tabel_engine"},
	}
	maps.Copy(cases, badDeadLetterCases())
	maps.Copy(cases, badCardinalityCases())
	return cases
}

func TestBadConfigs(t *testing.T) {
	for name, wants := range badCases() {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, name)
			require.Error(t, err)
			for _, want := range wants {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "hidden")
			assert.NotContains(t, err.Error(), "hid den")
		})
	}
}
