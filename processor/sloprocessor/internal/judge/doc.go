// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package judge says of spans which objectives they count against, for which group,
// and whether they are bad. Conditions are OTTL, in the context of a span.
package judge
