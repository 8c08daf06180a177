// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package attach

import "go.uber.org/zap/zapcore"

// failure is a reason for which the processes of an executable are not observed.
type failure struct{ executable, reason string }

// failures are those that were warned of.
type failures map[failure]struct{}

// maxFailures bounds the warnings; further failures are counted, and told to who
// debugs.
const maxFailures = 256

// level is that of a warning once for each failure: an executable may be started
// thousands of times, and each start is counted.
func (f failures) level(of failure) zapcore.Level {
	if _, ok := f[of]; ok || len(f) >= maxFailures {
		return zapcore.DebugLevel
	}
	f[of] = struct{}{}
	return zapcore.WarnLevel
}
