// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package repo holds the tests of the repository as a whole: that its tables,
// links, manifest and configurations agree with each other and with the agent
// that is built from them.
package repo
