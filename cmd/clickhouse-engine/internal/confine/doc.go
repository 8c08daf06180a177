// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package confine takes from this process what an engine for telemetry does
// not need: files outside its storage path, programs to run, TCP connections
// to others, and most of its environment.
//
// ClickHouse's SQL can read and write any file of its process, by the table
// function file for one, and open connections, by url or s3. The engine asks
// nobody for a password and may run as root beside the agent, so without this
// every user of the machine could act as root through it.
//
// The means is Landlock (https://docs.kernel.org/userspace-api/landlock.html),
// which needs no privilege.
package confine
