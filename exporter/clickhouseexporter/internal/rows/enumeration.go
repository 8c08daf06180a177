// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

// enumeration is a LowCardinality(String) column of the names of a few numbers, such
// as kinds of spans: each is looked up in the dictionary once a batch.
type enumeration struct {
	lowCardinality
	// known is the place of each number's name in the dictionary, from 1 on.
	known [8]uint32
}

func newEnumeration() *enumeration { return &enumeration{lowCardinality: *newLowCardinality()} }

// Reset empties the column.
func (c *enumeration) Reset() {
	c.lowCardinality.Reset()
	clear(c.known[:])
}

// append adds a row. The name is the number's.
func (c *enumeration) append(number int32, name string) {
	if number < 0 || int(number) >= len(c.known) {
		c.lowCardinality.append(name)
		return
	}
	if c.known[number] == 0 {
		c.known[number] = c.dictionary.number(name) + 1
	}
	c.numbers = append(c.numbers, c.known[number]-1)
}
