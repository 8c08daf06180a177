// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package embeddedclickhouseextension runs a ClickHouse engine beside the
// agent: it starts clickhouse-engine as a process of its own, waits until it
// answers, starts it again when it dies, and stops it with the agent.
package embeddedclickhouseextension
