// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package clickhouseexporter stores traces, logs, metrics and profiles in
// ClickHouse, over its native protocol, in the tables of the clickhouse exporter
// of opentelemetry-collector-contrib.
package clickhouseexporter
