// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package profile makes profiles of what is sampled of processes: it gathers
// samples by what they share, finds the source of their code in the function
// table of the executable, keeps finished profiles for a while, and writes them
// in the format of pprof. Package emit makes OpenTelemetry data of them.
package profile
