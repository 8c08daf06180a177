// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package footprint gives memory back that only the start of the program, or the
// analysis of an executable, needed: pages of the heap, and those of the program's
// own code and constants that are mapped. Of a collector these are 40 MB after its
// start, since every package initialises itself and the kernel maps 16 pages around
// each that is touched; what runs after that needs 5.
package footprint
