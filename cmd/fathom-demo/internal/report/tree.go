// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
)

// grow hangs each span below its parent, in the order of their starts, and
// returns those that have none among the spans.
func grow(spans []*Span) (roots []*Span) {
	byID := make(map[string]*Span, len(spans))
	for _, s := range spans {
		byID[s.ID] = s
	}
	ordered := slices.SortedStableFunc(slices.Values(spans), func(a, b *Span) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(b.Duration, a.Duration))
	})
	for _, s := range ordered {
		if parent := byID[s.ParentID]; parent != nil && parent != s {
			parent.Children = append(parent.Children, s)
		} else {
			roots = append(roots, s)
		}
	}
	return roots
}
