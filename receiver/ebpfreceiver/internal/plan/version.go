// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"go/version"
	"strconv"
	"strings"
)

// goVersion is a Go release's language version, such as 1.26.
type goVersion struct{ major, minor int }

func parseVersion(text string) (goVersion, error) {
	text, _, _ = strings.Cut(text, " ") // "go1.26.1 X:experiment"
	majorText, minorText, ok := strings.Cut(strings.TrimPrefix(version.Lang(text), "go"), ".")
	major, err1 := strconv.Atoi(majorText)
	minor, err2 := strconv.Atoi(minorText)
	if !ok || err1 != nil || err2 != nil {
		return goVersion{}, fmt.Errorf("%q is no release of Go whose runtime is known", text)
	}
	return goVersion{major, minor}, nil
}

func (v goVersion) less(major, minor int) bool {
	return v.major < major || v.major == major && v.minor < minor
}
