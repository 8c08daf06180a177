// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cardinality

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	// MostKeys is how many keys of a column are known at a time.
	MostKeys = 4096
	// longestKey is the longest key that is known by its name, in bytes.
	longestKey = 256
	// serviceName is never dropped: it is a column of its own.
	serviceName = "service.name"
)

// Guard watches the attributes of one signal. It is safe for concurrent use. It
// knows at most MostKeys keys of a column, of 256 bytes at most, and 786432 values
// an interval, of which it keeps 8 bytes each.
type Guard struct {
	limits   Limits
	interval time.Duration
	report   func(Report)
	now      func() time.Time

	mu      sync.Mutex
	since   time.Time
	columns [numColumns]column
	values  set
	tally   Tally
}

// column is the keys of a column.
type column struct {
	keys map[string]*key
	// beyond is keys over the limit.
	beyond offence
}

// key is what is known of a key.
type key struct {
	name string
	hash uint64
	// used is set where the key came in this interval.
	used bool
	// values is how many came in this interval, up to the limit.
	values int
	over   [numExcesses]offence
}

// offence counts attributes over a limit in an interval, and remembers one.
type offence struct {
	count  int64
	sample string
}

// New makes a guard that reports what was over a limit at the end of each interval
// in which something was.
func New(limits Limits, interval time.Duration, report func(Report)) *Guard {
	g := &Guard{limits: limits, interval: interval, report: report, now: time.Now, since: time.Now()}
	for c := range g.columns {
		g.columns[c].keys = map[string]*key{}
	}
	return g
}

// attributes looks at the attributes of a column, which must be mutable where
// limits alter them.
func (g *Guard) attributes(c Column, m pcommon.Map) {
	if g.limits.Alter() {
		m.RemoveIf(func(name string, value pcommon.Value) bool { return g.attribute(c, name, value) })
		return
	}
	for name, value := range m.All() {
		g.attribute(c, name, value)
	}
}

// attribute looks at one attribute and reports whether it is to be dropped.
func (g *Guard) attribute(c Column, name string, value pcommon.Value) (drop bool) {
	k, drop := g.key(c, name)
	if drop || g.limits.Length.Max == 0 && g.limits.Values.Max == 0 {
		return drop
	}
	text, is := textOf(value)
	if !is {
		return false
	}
	if limit := g.limits.Length; limit.Max > 0 && len(text) > limit.Max {
		g.over(c, k, OverLength, text)
		switch limit.Action {
		case Drop:
			return name != serviceName
		case Truncate:
			text = cut(text, limit.Max)
			value.SetStr(text)
		case Hash:
			text = digest(text)
			value.SetStr(text)
		}
	}
	if g.limits.Values.Max == 0 || k == nil || g.known(c, k, text) {
		return false
	}
	g.over(c, k, OverValues, text)
	switch g.limits.Values.Action {
	case Drop:
		return name != serviceName
	case Hash:
		value.SetStr(fmt.Sprintf("hash:%02x", byte(xxhash.Sum64String(text))))
	}
	return false
}

// key is what is known of a key; nil where it is not tracked.
func (g *Guard) key(c Column, name string) (k *key, drop bool) {
	column := &g.columns[c]
	k = column.keys[name]
	if k != nil {
		k.used = true
		return k, false
	}
	switch limit := g.limits.Keys; {
	case limit.Max > 0 && len(column.keys) >= limit.Max:
		g.tally[c][OverKeys]++
		column.beyond.add(func() string { return strings.Clone(cut(name, shownKey)) })
		return nil, limit.Action == Drop && name != serviceName
	case len(column.keys) >= MostKeys || len(name) > longestKey:
		g.tally[c][Untracked]++
		return nil, false
	}
	name = strings.Clone(name) // not the request that it came with
	k = &key{name: name, hash: xxhash.Sum64String(name) + uint64(c), used: true}
	column.keys[name] = k
	return k, false
}

// known reports whether a value is within the limit of its key.
func (g *Guard) known(c Column, k *key, text string) bool {
	hash := xxhash.Sum64String(text) ^ k.hash*0x9e3779b97f4a7c15
	if k.values >= g.limits.Values.Max {
		return g.values.has(hash)
	}
	in, before := g.values.add(hash)
	switch {
	case !in:
		g.tally[c][Untracked]++
	case !before:
		k.values++
	}
	return true
}

// over counts a value that is over a limit.
func (g *Guard) over(c Column, k *key, excess Excess, text string) {
	g.tally[c][excess]++
	if k != nil {
		k.over[excess].add(func() string {
			sum := sha256.Sum256([]byte(text))
			return fmt.Sprintf("%d bytes, sha256 %s…", len(text), hex.EncodeToString(sum[:4]))
		})
	}
}

func (o *offence) add(sample func() string) {
	if o.count == 0 {
		o.sample = sample()
	}
	o.count++
}

// textOf is a value as it is stored, unless it is a number, a boolean or nothing.
func textOf(value pcommon.Value) (text string, is bool) {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		return value.Str(), true
	case pcommon.ValueTypeBytes, pcommon.ValueTypeMap, pcommon.ValueTypeSlice:
		return value.AsString(), true
	default:
		return "", false
	}
}

// cut is the text's first bytes, up to a whole character.
func cut(text string, length int) string {
	if len(text) <= length {
		return text
	}
	for end := length; end > length-utf8.UTFMax && end > 0; end-- {
		if utf8.RuneStart(text[end]) {
			return text[:end]
		}
	}
	return text[:length] // no UTF-8
}

// digest stands for a long value: the first half of its SHA-256.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:16])
}
