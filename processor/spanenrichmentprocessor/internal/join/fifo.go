// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

// fifo is a queue. Its zero value is empty.
type fifo[T any] struct {
	items []T
	head  int
}

func (q *fifo[T]) len() int { return len(q.items) - q.head }

// first returns the oldest item. The queue must not be empty.
func (q *fifo[T]) first() T { return q.items[q.head] }

// last returns the newest item. The queue must not be empty.
func (q *fifo[T]) last() T { return q.items[len(q.items)-1] }

// next returns the n oldest items, all if they are fewer. It holds until the queue
// changes.
func (q *fifo[T]) next(n int) []T { return q.items[q.head:min(q.head+n, len(q.items))] }

// all returns the items, the oldest first. It holds until the queue changes.
func (q *fifo[T]) all() []T { return q.items[q.head:] }

func (q *fifo[T]) push(item T) { q.items = append(q.items, item) }

// pop removes the oldest item and returns it. The queue must not be empty.
func (q *fifo[T]) pop() T {
	item := q.items[q.head]
	var zero T
	q.items[q.head] = zero
	q.head++
	// Moving at most as many items as were popped keeps a pop at constant cost.
	if q.head >= 64 && q.head >= q.len() {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return item
}
