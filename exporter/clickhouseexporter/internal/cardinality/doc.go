// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package cardinality counts attributes that a table of Map columns does badly
// with (too many keys, too many values of a key, values that are too long) and
// handles them as configured. Its memory is bounded.
package cardinality
