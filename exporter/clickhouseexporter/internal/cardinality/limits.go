// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cardinality

// Action is what becomes of an attribute that is over a limit.
type Action string

const (
	// Keep leaves it as it is: it is only counted.
	Keep Action = "keep"
	// Truncate cuts a value to the limit.
	Truncate Action = "truncate"
	// Hash puts a digest in the value's place: of a long value the SHA-256, of one
	// too many one of 256 names.
	Hash Action = "hash"
	// Drop removes the attribute.
	Drop Action = "drop"
)

// Limit is a bound and what becomes of what is over it.
type Limit struct {
	// Max is the bound; 0 is none.
	Max    int
	Action Action
}

// Limits are all bounds of a guard.
type Limits struct {
	// Keys bounds the keys of a column that are in use at a time.
	Keys Limit
	// Values bounds the values of a key in an interval. Numbers and booleans do not
	// count: they are measures.
	Values Limit
	// Length bounds a value, in bytes.
	Length Limit
}

// Any reports whether there is a bound.
func (l Limits) Any() bool { return l.Keys.Max > 0 || l.Values.Max > 0 || l.Length.Max > 0 }

// Alter reports whether data may become other than it came.
func (l Limits) Alter() bool {
	alters := func(limit Limit) bool { return limit.Max > 0 && limit.Action != Keep }
	return alters(l.Keys) || alters(l.Values) || alters(l.Length)
}

// Excess is what an attribute is over.
type Excess int

const (
	// OverKeys is a key beyond the limit of its column.
	OverKeys Excess = iota
	// OverValues is a value beyond the limit of its key.
	OverValues
	// OverLength is a value longer than the limit.
	OverLength
	// Untracked is over nothing that is known: the guard's own memory is full.
	Untracked

	numExcesses = 4
)

// String is the excess's name in telemetry.
func (e Excess) String() string {
	return [numExcesses]string{"keys", "values", "length", "untracked"}[e]
}

// Column is where attributes go.
type Column int

const (
	// ResourceAttributes are those of resources.
	ResourceAttributes Column = iota
	// ScopeAttributes are those of scopes.
	ScopeAttributes
	// SpanAttributes are those of spans.
	SpanAttributes
	// EventAttributes are those of span events.
	EventAttributes
	// LinkAttributes are those of span links.
	LinkAttributes
	// LogAttributes are those of log records.
	LogAttributes
	// PointAttributes are those of data points.
	PointAttributes
	// ExemplarAttributes are those of exemplars.
	ExemplarAttributes

	numColumns = 8
)

// String is the column's name in its table.
func (c Column) String() string {
	return [numColumns]string{
		"ResourceAttributes", "ScopeAttributes", "SpanAttributes", "Events.Attributes", "Links.Attributes",
		"LogAttributes", "Attributes", "Exemplars.FilteredAttributes",
	}[c]
}

// Tally counts attributes by column and by what they are over.
type Tally [numColumns][numExcesses]int64
