// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"
	"strings"
)

// splitType splits "Map(String, UInt8)" into "Map" and its arguments.
func splitType(name string) (family string, arguments []string, err error) {
	name = strings.TrimSpace(name)
	open := strings.IndexByte(name, '(')
	if open < 0 {
		return name, nil, nil
	}
	if !strings.HasSuffix(name, ")") {
		return "", nil, fmt.Errorf("the type %.100q has no closing bracket", name)
	}
	arguments, err = splitArguments(name[open+1 : len(name)-1])
	return name[:open], arguments, err
}

// splitArguments splits at the commas that are in no brackets and no quotes.
func splitArguments(text string) ([]string, error) {
	var arguments []string
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				return nil, fmt.Errorf("the type arguments %.100q close a bracket that is not open", text)
			}
		case '\'', '`', '"':
			end := quoteEnd(text, i)
			if end < 0 {
				return nil, fmt.Errorf("the type arguments %.100q have an open quote", text)
			}
			i = end
		case ',':
			if depth == 0 {
				arguments = append(arguments, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	if depth != 0 {
		return nil, fmt.Errorf("the type arguments %.100q leave a bracket open", text)
	}
	if last := strings.TrimSpace(text[start:]); last != "" || len(arguments) > 0 {
		arguments = append(arguments, last)
	}
	return arguments, nil
}

// quoteEnd is where the quote that opens at start closes, or -1.
func quoteEnd(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[start]:
			return i
		}
	}
	return -1
}

// withoutName takes the name off an element of a Tuple or Nested: "a UInt8",
// "`a b` Array(String)". An element without a name stays as it is.
func withoutName(element string) string {
	if element == "" {
		return element
	}
	if quote := element[0]; quote == '`' || quote == '"' {
		if end := quoteEnd(element, 0); end >= 0 {
			return strings.TrimSpace(element[end+1:])
		}
		return element
	}
	space := strings.IndexByte(element, ' ')
	if space < 0 || strings.IndexByte(element[:space], '(') >= 0 {
		return element
	}
	return strings.TrimSpace(element[space+1:])
}
