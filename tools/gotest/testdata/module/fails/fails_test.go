// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package fails

import "testing"

func TestFails(t *testing.T) { t.Error("is 2, want 1") }
