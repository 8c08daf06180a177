// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package sqltext takes the literals out of the text of a database query, in one
// pass and whatever the dialect.
//
// Dialects disagree on where a literal ends: a backslash before a quote is an
// escape in one and a character in another; a bracket opens a name in one and an
// array in another. Where the text reads differently in two dialects, and it
// matters, nothing after that place is kept. Some take passwords, settings and
// arguments without quotes: where those may stand, no name is kept. The package
// rather loses text than lets a literal through.
package sqltext
