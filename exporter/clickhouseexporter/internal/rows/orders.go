// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Bounds on what is learnt of orders, so that keys that differ in each row cost
// no more than to sort them.
const (
	// maxNodes is the size of the tree, 40 bytes and a key each.
	maxNodes = 8192
	// learntPerBatch is how many orders one batch may add: learning allocates.
	learntPerBatch = 256
	// maxSeen is how many unknown sequences are remembered, a power of two: only
	// one that comes again is learnt, for most of a long tail never do.
	maxSeen = 1024
	// maxSiblings is how many keys are compared at one place of the tree.
	maxSiblings = 32
	// maxKeys and maxKey bound a set of keys, and the bytes of a key.
	maxKeys = 128
	maxKey  = 128
)

// orders remembers in which order the attributes of a set of keys are sorted.
// Rows of one origin have their keys in the same sequence: a tree of sequences
// finds the order by one comparison a key, where sorting takes many.
type orders struct {
	// nodes is the tree; the first is its root.
	nodes  []node
	learnt int
	// seen is the hashes of sequences that came once.
	seen []uint64
	seed maphash.Seed
	// generation is that of the batch.
	generation uint32
	// many is room for the attributes of a map that has more than few.
	many []attribute
}

// few is how many attributes are read into the stack: what is stored there needs no
// write barriers while the garbage collector marks.
const few = 32

type attribute struct {
	key   string
	value pcommon.Value
}

// node is a key of a sequence, behind those on the way to it.
type node struct {
	key string
	// child is the first of the keys that may follow, sibling the next that may
	// stand in this one's place; 0 for none.
	child, sibling int32
	// order is that of the sequence that ends here.
	order *order
}

// order is how a sequence of keys is sorted.
type order struct {
	// places says where in the sequence the first key stands, the second, and
	// so on.
	places []uint16
	// keys are sorted.
	keys []string
	// numbers are the keys' in the dictionary of that generation.
	numbers    []uint32
	generation uint32
}

// reset lets go of the attributes, which would keep a batch alive for as long
// as the column waits for the next one, and ends the generation.
func (o *orders) reset() {
	clear(o.many[:cap(o.many)])
	o.many = emptied(o.many, 4*maxWidth)
	o.learnt = 0
	o.generation++
	if len(o.nodes) > maxNodes-maxKeys || o.generation == 0 { // there may be no room to learn
		o.nodes, o.generation = nil, 0
	}
}

// room is a buffer for n attributes.
func (o *orders) room(n int) []attribute {
	o.many = slices.Grow(o.many[:0], n)
	return o.many
}

// find reads the map's attributes into a buffer that has room for them, and finds the
// order of their keys: nil where it is not known and is not learnt.
func (o *orders) find(m pcommon.Map, attributes []attribute) ([]attribute, *order) {
	if len(o.nodes) == 0 {
		o.nodes = append(o.nodes, node{})
		o.seen, o.seed = make([]uint64, maxSeen), maphash.MakeSeed()
	}
	at := int32(0)
	for key, value := range m.All() {
		attributes = append(attributes, attribute{key, value})
		if at >= 0 {
			at = o.follow(at, key)
		}
	}
	if at >= 0 && o.nodes[at].order != nil {
		return attributes, o.nodes[at].order
	}
	return attributes, o.learn(attributes)
}

// follow is the node of a key behind another, or -1.
func (o *orders) follow(at int32, key string) int32 {
	child := o.nodes[at].child
	for range maxSiblings {
		if child == 0 {
			return -1
		}
		if o.nodes[child].key == key {
			return child
		}
		child = o.nodes[child].sibling
	}
	return -1
}

// learn adds the attributes' order to the tree, within bounds.
func (o *orders) learn(attributes []attribute) *order {
	if o.learnt >= learntPerBatch || len(attributes) > maxKeys || len(o.nodes)+len(attributes) > maxNodes {
		return nil
	}
	if !o.cameBefore(attributes) {
		return nil
	}
	at := int32(0)
	for _, attribute := range attributes {
		next := o.follow(at, attribute.key)
		if next < 0 {
			if next = o.grow(at, attribute.key); next < 0 {
				return nil
			}
		}
		at = next
	}
	o.learnt++
	o.nodes[at].order = orderOf(attributes, o.generation-1)
	return o.nodes[at].order
}

// cameBefore says whether the same keys were seen lately, none of them too long to
// be learnt.
func (o *orders) cameBefore(attributes []attribute) bool {
	sum := uint64(1)
	for _, attribute := range attributes {
		if len(attribute.key) > maxKey {
			return false
		}
		sum = bits.RotateLeft64(sum, 5) ^ maphash.String(o.seed, attribute.key)
	}
	seen := &o.seen[sum&(maxSeen-1)]
	before := *seen == sum
	*seen = sum
	return before
}

// grow adds a node for a key behind another, or returns -1 where there are too
// many already.
func (o *orders) grow(at int32, key string) int32 {
	siblings := 0
	for child := o.nodes[at].child; child != 0; child = o.nodes[child].sibling {
		siblings++
	}
	if siblings >= maxSiblings {
		return -1
	}
	added := int32(len(o.nodes))
	o.nodes = append(o.nodes, node{key: strings.Clone(key), sibling: o.nodes[at].child})
	o.nodes[at].child = added
	return added
}

// orderOf is the order of the attributes. Their keys have no numbers yet: the
// generation is an earlier one.
func orderOf(attributes []attribute, generation uint32) *order {
	made := &order{
		places:     make([]uint16, len(attributes)),
		keys:       make([]string, len(attributes)),
		numbers:    make([]uint32, len(attributes)),
		generation: generation,
	}
	for i := range made.places {
		made.places[i] = uint16(i)
	}
	slices.SortStableFunc(made.places, func(a, b uint16) int {
		return strings.Compare(attributes[a].key, attributes[b].key)
	})
	for i, place := range made.places {
		made.keys[i] = strings.Clone(attributes[place].key)
	}
	return made
}

// sortByKey puts the attributes in the order of their keys.
func sortByKey(attributes []attribute) {
	slices.SortStableFunc(attributes, func(a, b attribute) int { return strings.Compare(a.key, b.key) })
}
