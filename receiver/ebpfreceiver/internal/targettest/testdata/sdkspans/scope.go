// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"reflect"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
)

// scopeAttributes are those of a scope, which has none before SDK 1.32.
func scopeAttributes(scope instrumentation.Scope) []string {
	field := reflect.ValueOf(scope).FieldByName("Attributes")
	if !field.IsValid() {
		return nil
	}
	set := field.Interface().(attribute.Set)
	return keyValues(set.ToSlice())
}
