// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command cgo has a thread-local variable of C beside the runtime's.
package main

/*
static __thread long calls[3];
static long call(void) { return ++calls[1]; }
*/
import "C"
import "fmt"

func main() { fmt.Println(C.call()) }
