// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Layout says which of its forms a table has.
type Layout struct {
	// JSON has attributes in columns of type JSON, with the paths of their keys
	// beside them, in place of Map columns.
	JSON bool
}

// attributeColumn is a column of attributes in either form, a set of them a row.
type attributeColumn interface {
	column
	append(m pcommon.Map)
}

// repeatedAttributeColumn is one in which a set stands for many rows.
type repeatedAttributeColumn interface {
	column
	// set is the attributes of the rows that follow.
	set(m pcommon.Map)
	// repeat adds n rows of the attributes that were set last.
	repeat(n int)
}

// attributes makes a column without paths.
func (layout Layout) attributes(corrected *Corrections) attributeColumn {
	if layout.JSON {
		return newJSONAttributes(corrected)
	}
	return newAttributes()
}

// withPaths makes a column of attributes and, with JSON, the one of their paths.
func (layout Layout) withPaths(name string, corrected *Corrections) (attributeColumn, proto.Input) {
	if !layout.JSON {
		return newAttributes(), nil
	}
	c := newJSONAttributes(corrected)
	c.paths = newPaths()
	return c, proto.Input{{Name: name + "Keys", Data: c.paths}}
}

// repeatedWithPaths is withPaths for attributes that stand for many rows.
func (layout Layout) repeatedWithPaths(name string, corrected *Corrections) (repeatedAttributeColumn, proto.Input) {
	if !layout.JSON {
		return newRepeatedAttributes(), nil
	}
	c := newRepeatedJSON(corrected)
	c.one.paths = newPaths()
	return c, proto.Input{{Name: name + "Keys", Data: c.one.paths}}
}

// Without is the columns but for those of the names.
func Without(input proto.Input, names []string) proto.Input {
	if len(names) == 0 {
		return input
	}
	return slices.DeleteFunc(slices.Clone(input), func(c proto.InputColumn) bool { return slices.Contains(names, c.Name) })
}

func namesOf(input proto.Input) []string {
	names := make([]string, len(input))
	for i, column := range input {
		names[i] = column.Name
	}
	return names
}
