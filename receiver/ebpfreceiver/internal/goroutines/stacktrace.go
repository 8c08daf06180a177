// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"fmt"
	"strings"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// mainGoroutine is created by the runtime.
const mainGoroutine = 1

// Stacktrace is what Go prints of the group's oldest goroutine and a stack of
// the group, without arguments: "goroutine 7 [chan receive]:", a function and
// its file and line for each call, and the go statement. Calls within the
// runtime are left out, as Go does.
func (g *Group) Stacktrace() string {
	var b strings.Builder
	fmt.Fprintf(&b, "goroutine %d [%s]:\n", g.ID, g.StateText)
	for _, call := range g.Stack {
		if shown(call) {
			put(&b, call.Function+"(...)", call)
		}
	}
	if g.StackCut {
		b.WriteString("...additional frames elided...\n")
	}
	if g.GoStatement.Function != "" && g.ID != mainGoroutine && shown(g.GoStatement) {
		put(&b, fmt.Sprintf("created by %s in goroutine %d", g.GoStatement.Function, g.Parent), g.GoStatement)
	}
	return b.String()
}

func put(b *strings.Builder, head string, call goexec.Call) {
	b.WriteString(head)
	b.WriteByte('\n')
	if call.File != "" {
		fmt.Fprintf(b, "\t%s:%d\n", call.File, call.Line)
	}
}
