// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package events

// Attributes of profiles, besides ThreadID and GoroutineID of their samples.
const (
	// FrameType is the semantic conventions' profile.frame.type: go or native (string).
	FrameType = "profile.frame.type"
)
