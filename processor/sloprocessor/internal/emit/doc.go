// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package emit writes the figures of budgets as metrics and alerts as log records.
package emit
