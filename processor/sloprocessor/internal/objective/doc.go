// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package objective has service level objectives as they are written in a
// configuration or in OpenSLO v1 files, says all that is wrong with them at once,
// each with its key, and resolves them to what is counted and evaluated.
//
// Conditions in OTTL are texts here: whoever evaluates them parses them.
package objective
