// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package engineenv says which environment variables a ClickHouse engine may
// have. SQL can read the environment of its process, in /proc/self/environ,
// and nobody is asked for a password, while an agent's may hold the keys and
// tokens that its configuration names.
package engineenv

import (
	"slices"
	"strings"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

// Of is what an engine gets of an environment, each entry "name=value": where
// the cache is, the time zone, and what the dynamic loader reads (ld.so(8)).
func Of(environment []string) []string {
	kept := []string{}
	for _, entry := range environment {
		if name, _, _ := strings.Cut(entry, "="); allowed(name) {
			kept = append(kept, entry)
		}
	}
	return kept
}

func allowed(name string) bool {
	return strings.HasPrefix(name, "LD_") ||
		slices.Contains([]string{chdblibrary.CacheVariable, "HOME", "XDG_CACHE_HOME", "TZ"}, name)
}
