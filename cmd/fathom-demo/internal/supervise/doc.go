// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package supervise starts processes in sessions of their own, with their output
// in files, and remembers them in a file, so that they may outlive the one who
// started them and a later one can still stop them.
//
// The directory of a Group holds processes.json and logs/<name>.log.
package supervise
