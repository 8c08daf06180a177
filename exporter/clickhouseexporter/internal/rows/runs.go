// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"iter"
	"slices"
)

// runs says which item each row has, where one item stands for many rows that
// follow each other.
type runs []run

// run is the rows up to one, from the end of the run before.
type run struct{ item, until int }

// rows is the number of rows.
func (r runs) rows() int {
	if len(r) == 0 {
		return 0
	}
	return r[len(r)-1].until
}

func (r *runs) reset() { *r = emptied(*r, 2*maxWidth) }

// extend adds n rows of an item.
func (r *runs) extend(item, n int) {
	rows := r.rows()
	if last := len(*r) - 1; last >= 0 && (*r)[last].item == item {
		(*r)[last].until += n
		return
	}
	if n > 0 {
		*r = append(*r, run{item, rows + n})
	}
}

// all is the items and how often each is repeated.
func (r runs) all() iter.Seq2[int, int] { return r.between(0, r.rows()) }

// between is all for the rows from up to to.
func (r runs) between(from, to int) iter.Seq2[int, int] {
	return func(yield func(item, n int) bool) {
		first, _ := slices.BinarySearchFunc(r, from, func(one run, from int) int { return one.until - from - 1 })
		for _, one := range r[first:] {
			n := min(one.until, to) - from
			if n <= 0 || !yield(one.item, n) {
				return
			}
			from += n
		}
	}
}

// window is the rows from up to to.
func (r runs) window(from, to int) runs {
	var part runs
	for item, n := range r.between(from, to) {
		part.extend(item, n)
	}
	return part
}
