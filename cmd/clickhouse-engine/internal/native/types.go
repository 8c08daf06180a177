// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"
	"strconv"
	"strings"
)

// maxDepth bounds how deep types nest.
const maxDepth = 32

// widths are the types whose values all have the same number of bytes and
// which take either no arguments or arguments that do not change that number.
func widthOf(name string) (fixedWidth, bool) {
	switch name {
	case "Int8", "UInt8", "Bool", "Enum8", "Nothing":
		return 1, true
	case "Int16", "UInt16", "Enum16", "Date", "BFloat16":
		return 2, true
	case "Int32", "UInt32", "Float32", "Date32", "DateTime", "Decimal32", "IPv4", "Time":
		return 4, true
	case "Int64", "UInt64", "Float64", "DateTime64", "Time64", "Decimal64":
		return 8, true
	case "Int128", "UInt128", "UUID", "IPv6", "Decimal128":
		return 16, true
	case "Int256", "UInt256", "Decimal256":
		return 32, true
	}
	if strings.HasPrefix(name, "Interval") {
		return 8, true
	}
	return 0, false
}

// parseType turns the name of a type into its layout.
func parseType(name string) (layout, error) { return parseNested(name, 0) }

func parseNested(name string, depth int) (layout, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("a type nests deeper than %d", maxDepth)
	}
	family, arguments, err := splitType(name)
	if err != nil {
		return nil, err
	}
	if width, ok := widthOf(family); ok {
		return width, nil
	}
	if composite, ok := geometry(family); ok {
		return parseNested(composite, depth+1)
	}
	switch family {
	case "String":
		return text{}, nil
	case "JSON":
		return jsonText{}, nil
	case "FixedString":
		return fixedString(arguments)
	case "Decimal":
		return decimal(arguments)
	}
	return parseComposite(family, arguments, depth)
}

func parseComposite(family string, arguments []string, depth int) (layout, error) {
	elements, err := parseElements(family, arguments, depth)
	if err != nil {
		return nil, err
	}
	switch {
	case family == "Nullable" && len(elements) == 1:
		return nullable{elements[0]}, nil
	case family == "Array" && len(elements) == 1:
		return array{elements[0]}, nil
	case family == "Map" && len(elements) == 2, family == "Nested" && len(elements) > 0:
		return array{elements}, nil
	case family == "Tuple":
		return elements, nil
	case family == "SimpleAggregateFunction" && len(elements) == 1:
		return elements[0], nil
	case family == "LowCardinality" && len(elements) == 1:
		if of, ok := elements[0].(nullable); ok {
			return lowCardinality{of.of}, nil // NULL is the dictionary's first key
		}
		return lowCardinality{elements[0]}, nil
	}
	return nil, fmt.Errorf("the type %s(%s) is not supported in blocks that clients send", family, strings.Join(arguments, ", "))
}

func parseElements(family string, arguments []string, depth int) (tuple, error) {
	switch family {
	case "Nullable", "Array", "Map", "LowCardinality":
	case "Tuple", "Nested":
		for i, argument := range arguments {
			arguments[i] = withoutName(argument)
		}
	case "SimpleAggregateFunction":
		if len(arguments) != 2 {
			return nil, fmt.Errorf("SimpleAggregateFunction has %d arguments, not 2", len(arguments))
		}
		arguments = arguments[1:]
	default:
		return nil, fmt.Errorf("the type %s is not supported in blocks that clients send", family)
	}
	elements := make(tuple, 0, len(arguments))
	for _, argument := range arguments {
		element, err := parseNested(argument, depth+1)
		if err != nil {
			return nil, err
		}
		elements = append(elements, element)
	}
	return elements, nil
}

// geometry is what the geometric types are made of.
func geometry(name string) (string, bool) {
	switch name {
	case "Point":
		return "Tuple(Float64, Float64)", true
	case "Ring", "LineString":
		return "Array(Point)", true
	case "Polygon", "MultiLineString":
		return "Array(Ring)", true
	case "MultiPolygon":
		return "Array(Polygon)", true
	}
	return "", false
}

func fixedString(arguments []string) (layout, error) {
	if len(arguments) == 1 {
		if n, err := strconv.ParseUint(arguments[0], 10, 24); err == nil {
			return fixedWidth(n), nil
		}
	}
	return nil, fmt.Errorf("FixedString(%s) has no usable length", strings.Join(arguments, ", "))
}

// decimal finds the width of Decimal(P, S) from its precision.
func decimal(arguments []string) (layout, error) {
	precision := uint64(0)
	if len(arguments) > 0 {
		precision, _ = strconv.ParseUint(arguments[0], 10, 8)
	}
	switch {
	case precision < 1 || precision > 76:
		return nil, fmt.Errorf("Decimal(%s) has no usable precision", strings.Join(arguments, ", "))
	case precision <= 9:
		return fixedWidth(4), nil
	case precision <= 18:
		return fixedWidth(8), nil
	case precision <= 38:
		return fixedWidth(16), nil
	}
	return fixedWidth(32), nil
}
