// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

// deadlines lists the spans that wait, by deadline. A span that leaves is taken
// out at once: what it holds on to must not outlast it.
type deadlines struct {
	first, last *Waiting
}

// insert puts a span in its place, from the end: the newest waits longest.
func (d *deadlines) insert(w *Waiting) {
	before := d.last
	for before != nil && before.deadline > w.deadline {
		before = before.before
	}
	w.before = before
	if before == nil {
		w.after, d.first = d.first, w
	} else {
		w.after, before.after = before.after, w
	}
	if w.after == nil {
		d.last = w
	} else {
		w.after.before = w
	}
	w.listed = true
}

// remove takes a span out that may be in the list.
func (d *deadlines) remove(w *Waiting) {
	if !w.listed {
		return
	}
	if w.before == nil {
		d.first = w.after
	} else {
		w.before.after = w.after
	}
	if w.after == nil {
		d.last = w.before
	} else {
		w.after.before = w.before
	}
	w.before, w.after, w.listed = nil, nil, false
}
