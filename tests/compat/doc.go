// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package compat runs the clickhouse exporter of opentelemetry-collector-contrib
// beside Fathom's, on the same data: what each sends, byte for byte, whose tables
// hold what the other writes, and how long each takes.
//
// It is a module of its own, because contrib's exporter v0.161.0 asks for a newer
// Collector core than Fathom is built with. Here both are compiled against that
// newer core, so that they share one process, its pdata and its data.
package compat
