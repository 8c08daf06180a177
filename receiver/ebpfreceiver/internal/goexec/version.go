// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"fmt"
	"strconv"
	"strings"
)

// goVersion is a release of Go, such as {1, 26, 8}.
type goVersion struct {
	major, minor, patch int
}

// oldestVersion is the first release whose function table has the header that
// parsePclntab reads and whose functions take arguments in registers.
var oldestVersion = goVersion{major: 1, minor: 18}

// parseVersion reads "go1.26.8", "go1.21rc2" or "go1.26.8 X:nodwarf5".
func parseVersion(text string) (goVersion, error) {
	release, _, _ := strings.Cut(text, " ")
	parts := strings.Split(strings.TrimPrefix(release, "go"), ".")
	var version goVersion
	if !strings.HasPrefix(release, "go") || len(parts) < 2 || len(parts) > 3 {
		return goVersion{}, fmt.Errorf("%w: Go version %q", ErrUnsupported, text)
	}
	for i, field := range []*int{&version.major, &version.minor, &version.patch}[:len(parts)] {
		number := leadingDigits(parts[i])
		value, err := strconv.Atoi(number)
		if err != nil {
			return goVersion{}, fmt.Errorf("%w: Go version %q", ErrUnsupported, text)
		}
		*field = value
	}
	return version, nil
}

func leadingDigits(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		return s
	}
	return s[:end]
}

// less orders by major and minor version: all that a patch release keeps.
func (v goVersion) less(other goVersion) bool {
	if v.major != other.major {
		return v.major < other.major
	}
	return v.minor < other.minor
}

func (v goVersion) String() string { return fmt.Sprintf("go%d.%d", v.major, v.minor) }
