// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// visitTries is how often a walk through a map is begun.
const visitTries = 10

// visit calls each with the entries of a hash map that others change meanwhile.
// When the entry is deleted at which the walk stands, the kernel begins anew, so
// that an entry may come more than once; one that stays in the map comes at
// least once. The value is valid during the call.
func visit[K, V any](m *ebpf.Map, each func(key K, value *V)) error {
	var key K
	var value V
	for try := 1; ; try++ {
		entries := m.Iterate()
		for entries.Next(&key, &value) {
			each(key, &value)
		}
		err := entries.Err()
		if !errors.Is(err, ebpf.ErrIterationAborted) || try == visitTries {
			if err != nil {
				return fmt.Errorf("walking through %s: %w", m, err)
			}
			return nil
		}
	}
}

// forgetOwn deletes the entries of a hash map that are of one process, and returns
// how many there were.
func forgetOwn[K comparable, V any](m *ebpf.Map, own func(K, *V) bool) (int, error) {
	stale := map[K]struct{}{}
	errs := []error{visit(m, func(key K, value *V) {
		if own(key, value) {
			stale[key] = struct{}{}
		}
	})}
	for key := range stale {
		errs = append(errs, ignoreMissing(m.Delete(key)))
	}
	return len(stale), errors.Join(errs...)
}
