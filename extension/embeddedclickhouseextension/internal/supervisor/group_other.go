// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package supervisor

import "os/exec"

func ownGroup(*exec.Cmd) {}
