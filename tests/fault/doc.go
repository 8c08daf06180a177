// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package fault proves that the ClickHouse exporter stores what it accepted once:
// with a real ClickHouse engine behind a proxy that breaks connections, answers
// with errors and is slow when it is told to, and with an agent that is killed
// again and again while its queue is on disk.
//
// `make fault` runs 200 kills; `make test` a few.
package fault
